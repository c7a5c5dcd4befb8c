-- Sessions of ours that wait for a lock, by the tenant that their message names first, and who holds it.
SELECT DISTINCT ON (waiting.pid)
       substring(waiting.query FROM '^/\* tenant ([a-z0-9_-]+) \*/'),
       extract(epoch FROM clock_timestamp() - lock.waitstart)::float8,
       blocker.pid,
       concat_ws(' ', blocker.usename, nullif(blocker.application_name, '')),
       coalesce(blocker.query, ''),
       coalesce(extract(epoch FROM clock_timestamp() - blocker.xact_start), 0)::float8
FROM pg_stat_activity AS waiting
CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS by (pid)
JOIN pg_stat_activity AS blocker ON blocker.pid = by.pid
LEFT JOIN pg_locks AS lock ON lock.pid = waiting.pid AND NOT lock.granted
WHERE waiting.datname = current_database()
  AND waiting.wait_event_type = 'Lock'
  AND waiting.query LIKE '/* tenant %'
ORDER BY waiting.pid, blocker.xact_start
