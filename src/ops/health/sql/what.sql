-- What there is to look at, and what the role may read of it; of a table that is not there that is null.
WITH known AS (
    -- By its catalog: who may not use the schema may not even ask for the table by its name.
    SELECT class.relname AS name, class.oid
    FROM pg_class AS class
    WHERE class.relnamespace = to_regnamespace('public')
)
SELECT EXISTS (SELECT FROM known WHERE name = 'tenants'),
       has_schema_privilege(to_regnamespace('public'), 'USAGE')
           AND has_table_privilege((SELECT oid FROM known WHERE name = 'tenants'), 'SELECT'),
       has_table_privilege((SELECT oid FROM known WHERE name = 'tenant_unfinished_migrations'), 'SELECT'),
       has_table_privilege((SELECT oid FROM known WHERE name = 'tenant_operations'), 'SELECT'),
       has_table_privilege((SELECT oid FROM known WHERE name = 'refinery_schema_history'), 'SELECT'),
       (SELECT format('%I.pg_stat_statements', nspname) FROM pg_extension
        JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'pg_stat_statements'),
       current_user
