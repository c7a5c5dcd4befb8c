-- How many locks it takes to drop everything in a schema: one for each object, whatever its kind.
WITH relation AS MATERIALIZED (
    SELECT class.oid, class.reltoastrelid
    FROM pg_class AS class
    WHERE class.relnamespace = {schema}::regnamespace
)
SELECT (SELECT count(*) FROM relation)
     + (SELECT 2 * count(*) FROM relation WHERE reltoastrelid <> 0)
     + (SELECT count(*) FROM pg_type WHERE typnamespace = {schema}::regnamespace)
     + (SELECT count(*) FROM pg_proc WHERE pronamespace = {schema}::regnamespace)
     + (SELECT count(*) FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relation))
     + (SELECT count(*) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relation))
     + (SELECT count(*) FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM relation))
     + (SELECT count(*) FROM pg_policy WHERE polrelid IN (SELECT oid FROM relation))
     + (SELECT count(*) FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM relation))
