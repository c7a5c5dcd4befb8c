-- Migrations without transaction that were begun and that nobody is at any more.
SELECT fleet.slug, unfinished.schema_name, unfinished.version
FROM public.tenant_unfinished_migrations AS unfinished
LEFT JOIN fleet ON fleet.schema = unfinished.schema_name
WHERE NOT EXISTS (
    SELECT FROM pg_locks AS lock
    WHERE lock.locktype = 'advisory' AND lock.objsubid = 1
      AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND ((lock.classid::bigint << 32) | lock.objid::bigint) IN (
          hashtextextended('tenantctl:statements:' || unfinished.schema_name, 0),
          hashtextextended('tenantctl:tenant:' || unfinished.schema_name, 0))
)
ORDER BY fleet.slug COLLATE "C" NULLS FIRST, unfinished.version
