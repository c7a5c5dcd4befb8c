-- What there is to look at, and what the role may read of it; of a table that is not there that is null.
SELECT to_regclass('public.tenants') IS NOT NULL,
       has_schema_privilege(to_regnamespace('public'), 'USAGE')
           AND has_table_privilege(to_regclass('public.tenants'), 'SELECT'),
       has_table_privilege(to_regclass('public.tenant_unfinished_migrations'), 'SELECT'),
       has_table_privilege(to_regclass('public.tenant_operations'), 'SELECT'),
       has_table_privilege(to_regclass('public.refinery_schema_history'), 'SELECT'),
       (SELECT format('%I.pg_stat_statements', nspname) FROM pg_extension
        JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'pg_stat_statements'),
       current_user
