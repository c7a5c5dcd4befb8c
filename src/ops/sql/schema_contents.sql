-- What schema $1 holds: tables beside refinery's history, whether that history is there, whether anything is there.
SELECT
    count(*) FILTER (WHERE class.relkind IN ('r', 'p') AND class.relname <> 'refinery_schema_history') AS tables,
    COALESCE(bool_or(class.relkind IN ('r', 'p') AND class.relname = 'refinery_schema_history'), false) AS history,
    -- Everything in a schema depends on it. Default privileges and publications say what is to come.
    EXISTS (
        SELECT FROM pg_depend AS inside
        WHERE inside.refclassid = 'pg_namespace'::regclass
          AND inside.refobjid = namespace.oid
          AND inside.classid <> 'pg_default_acl'::regclass
          AND inside.classid IS DISTINCT FROM to_regclass('pg_catalog.pg_publication_namespace')
    ) AS anything
FROM pg_namespace AS namespace
LEFT JOIN pg_class AS class ON class.relnamespace = namespace.oid
WHERE namespace.nspname = $1
GROUP BY namespace.oid
