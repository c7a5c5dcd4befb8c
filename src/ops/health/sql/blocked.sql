-- Who waits for whom: the waiting session, for how long, what it wants, and whoever is before it.
SELECT waiting.pid, extract(epoch FROM clock_timestamp() - waiting.waitstart)::bigint,
       place.slug, coalesce(format('%I.%I', place.schema, class.relname), ''),
       blocker.pid, coalesce(activity.usename, ''), coalesce(activity.application_name, ''),
       coalesce(activity.state, ''), coalesce(activity.query, '')
FROM pg_locks AS waiting
JOIN pg_stat_activity AS who ON who.pid = waiting.pid AND who.datname = current_database()
CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocker (pid)
LEFT JOIN pg_stat_activity AS activity ON activity.pid = blocker.pid
-- Who waits for a row waits for a transaction, and holds a lock on the row's place meanwhile.
LEFT JOIN pg_locks AS tuple ON waiting.locktype = 'transactionid' AND tuple.pid = waiting.pid
                           AND tuple.locktype = 'tuple' AND tuple.granted
LEFT JOIN pg_class AS class ON class.oid = coalesce(waiting.relation, tuple.relation)
LEFT JOIN place ON place.oid = class.relnamespace
WHERE NOT waiting.granted
ORDER BY waiting.waitstart
