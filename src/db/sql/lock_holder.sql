-- Who holds an advisory lock of ours, in words.
SELECT format(
    'pid %s, %s as %s, since %s',
    activity.pid,
    COALESCE(NULLIF(activity.application_name, ''), 'unknown program'),
    activity.usename,
    to_char(activity.xact_start, 'YYYY-MM-DD HH24:MI:SS')
)
FROM pg_locks AS lock
JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
WHERE lock.locktype = 'advisory'
  AND lock.granted
  AND lock.objsubid = 1
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((lock.classid::bigint << 32) | lock.objid::bigint) = {key}
ORDER BY activity.xact_start
LIMIT 1
