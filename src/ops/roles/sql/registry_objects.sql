SELECT 'pg_class'::regclass, c.oid FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relname IN ('refinery_schema_history', 'tenants', 'tenant_operations', 'tenant_operation_results',
                     'tenant_size_snapshots', 'tenant_known_fingerprints', 'tenant_unfinished_migrations',
                     'tenant_cleanups', 'tenant_archives')
UNION ALL
SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.pronargs = 0
   AND p.proname IN ('tenants_keep_state', 'tenant_operations_take_results_along')
