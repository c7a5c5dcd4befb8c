-- Runs that never said how they ended, and of whose command no session is left.
SELECT operation.id, operation.command, operation.actor, to_char(operation.started_at, 'YYYY-MM-DD HH24:MI')
FROM public.tenant_operations AS operation
WHERE operation.outcome = 'running'
  AND operation.started_at < now() - interval '10 minutes'
  AND NOT EXISTS (
      SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'tenantctl ' || operation.command
  )
ORDER BY 1
