-- How many tenants' schemas are not the owner's, and how many tenants lack a role. $1 owner, $2 what roles of tenants begin
-- with, if they have any.
SELECT count(*) FILTER (WHERE pg_catalog.pg_get_userbyid(n.nspowner) <> $1),
       count(*) FILTER (WHERE $2 IS NOT NULL AND r.oid IS NULL)
  FROM public.tenants t
  JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema_name
  LEFT JOIN pg_catalog.pg_roles r ON r.rolname = $2 || replace(t.slug, '-', '_')
