-- What is there, one row: the owner, the operator, whether both see statistics, a registry; 1 where the template is not the
-- owner's. $1 owner, $2 operator, $3 template.
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1),
       EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $2),
       (SELECT count(*) = 2 FROM pg_catalog.pg_roles
         WHERE rolname IN ($1, $2) AND pg_catalog.pg_has_role(oid, 'pg_read_all_stats', 'MEMBER')),
       pg_catalog.to_regclass('public.tenants') IS NOT NULL
           AND pg_catalog.to_regclass('public.refinery_schema_history') IS NOT NULL,
       (SELECT count(*) FROM pg_catalog.pg_namespace
         WHERE nspname = $3 AND pg_catalog.pg_get_userbyid(nspowner) <> $1)
