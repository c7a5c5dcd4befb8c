-- Every tenant: slug, schema, version, fingerprint, whether the schema is there, whether any table is in it, whether it
-- is in use.
SELECT fleet.slug, fleet.schema, fleet.version, fleet.fingerprint,
       place.oid IS NOT NULL,
       EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = place.oid
                                       AND classid = 'pg_class'::regclass),
       fleet.is_active
FROM fleet
LEFT JOIN place ON place.schema = fleet.schema
ORDER BY fleet.slug COLLATE "C"
