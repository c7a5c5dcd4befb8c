-- What schema $1 holds: tables beside refinery's history, whether that history is there, whether anything is there.
-- Everything in a schema depends on it, and is found by that: the catalogs have no index by schema, and grow with every
-- tenant. Only a schema that was made with the cluster, such as `public`, has nothing recorded.
WITH inside AS MATERIALIZED (
    SELECT d.classid, d.objid
      FROM pg_namespace AS namespace
      JOIN pg_depend AS d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = namespace.oid
     WHERE namespace.nspname = $1
),
tables AS MATERIALIZED (
    SELECT class.relname
      FROM inside
     CROSS JOIN LATERAL (
            SELECT relname FROM pg_class
             WHERE oid = inside.objid AND relkind IN ('r', 'p')
            OFFSET 0
           ) AS class
     WHERE inside.classid = 'pg_class'::regclass
)
SELECT (SELECT count(*) FROM tables WHERE relname <> 'refinery_schema_history') AS tables,
       EXISTS (SELECT FROM tables WHERE relname = 'refinery_schema_history') AS history,
       -- Default privileges and publications say what is to come.
       EXISTS (SELECT FROM inside
                WHERE classid <> 'pg_default_acl'::regclass
                  AND classid IS DISTINCT FROM to_regclass('pg_catalog.pg_publication_namespace')) AS anything
 WHERE EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)
