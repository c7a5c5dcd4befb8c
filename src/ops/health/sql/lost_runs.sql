-- Runs that never said how they ended, and of whose command no session is left. Sessions may have a name that the user
-- gave them; of those commands that hold a lock as long as they live, it tells.
SELECT operation.id, operation.command, operation.actor, to_char(operation.started_at, 'YYYY-MM-DD HH24:MI')
FROM public.tenant_operations AS operation
WHERE operation.outcome = 'running'
  AND operation.started_at < now() - interval '10 minutes'
  AND NOT EXISTS (
      SELECT FROM pg_stat_activity
      WHERE datname = current_database()
        -- Tenants are seeded as they are created, and created to be seeded.
        AND application_name IN ('tenantctl ' || operation.command, CASE operation.command
            WHEN 'create' THEN 'tenantctl seed'
            WHEN 'seed' THEN 'tenantctl create'
        END)
  )
  AND NOT EXISTS (
      SELECT FROM pg_locks AS lock
      WHERE lock.locktype = 'advisory' AND lock.objsubid = 1
        AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND ((lock.classid::bigint << 32) | lock.objid::bigint) = CASE operation.command
            WHEN 'migrate' THEN {migrations}
            WHEN 'cleanup' THEN {cleanup}
        END
  )
ORDER BY 1
