-- Schemas that no tenant has. Comments tell what the program's own are for.
SELECT place.schema, EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = place.oid)
FROM place
WHERE place.slug IS NULL
ORDER BY 1
