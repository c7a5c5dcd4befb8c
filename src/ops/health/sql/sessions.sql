-- Sessions with an open transaction, the oldest first, and the tenants whose relations they hold locks on.
SELECT activity.pid, activity.usename, coalesce(activity.application_name, ''),
       coalesce(activity.state LIKE 'idle in transaction%', false),
       extract(epoch FROM clock_timestamp() - activity.xact_start)::bigint,
       extract(epoch FROM clock_timestamp() - activity.state_change)::bigint,
       coalesce(activity.query, ''),
       held.slugs
FROM pg_stat_activity AS activity
CROSS JOIN LATERAL (
    SELECT json_agg(DISTINCT place.slug) FILTER (WHERE place.slug IS NOT NULL) AS slugs
    FROM pg_locks AS lock
    JOIN pg_class AS class ON class.oid = lock.relation
    JOIN place ON place.oid = class.relnamespace
    WHERE lock.pid = activity.pid AND lock.locktype = 'relation'
      AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS held
WHERE activity.datname = current_database()
  AND activity.backend_type = 'client backend'
  AND activity.pid <> pg_backend_pid()
  AND clock_timestamp() - activity.xact_start > {seconds} * interval '1 second'
ORDER BY activity.xact_start
LIMIT 100
