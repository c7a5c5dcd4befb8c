-- What DROP SCHEMA {schema} CASCADE would take along from elsewhere, in words.
--
-- What is inside is found by what it needs: the catalogs have no index by schema, and grow with every tenant. Only of a
-- schema that was made with the cluster, such as `public` under whatever name, that is not recorded.
WITH schema AS MATERIALIZED (
    SELECT {schema}::regnamespace::oid AS oid
), own AS MATERIALIZED (
    SELECT 'pg_namespace'::regclass::oid AS classid, oid AS objid FROM schema
    UNION
    SELECT dep.classid, dep.objid
    FROM schema
    JOIN pg_depend AS dep ON dep.refclassid = 'pg_namespace'::regclass AND dep.refobjid = schema.oid
    -- An extension needs the schema of its members and is in none.
    WHERE dep.classid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass, 'pg_statistic_ext'::regclass,
                          'pg_operator'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass,
                          'pg_collation'::regclass, 'pg_conversion'::regclass, 'pg_ts_config'::regclass,
                          'pg_ts_dict'::regclass, 'pg_ts_parser'::regclass, 'pg_ts_template'::regclass)
    UNION
    SELECT 'pg_class'::regclass, oid FROM pg_class
    WHERE (SELECT oid < 16384 FROM schema) AND relnamespace = (SELECT oid FROM schema)
    UNION
    SELECT 'pg_type'::regclass, oid FROM pg_type
    WHERE (SELECT oid < 16384 FROM schema) AND typnamespace = (SELECT oid FROM schema)
    UNION
    SELECT 'pg_proc'::regclass, oid FROM pg_proc
    WHERE (SELECT oid < 16384 FROM schema) AND pronamespace = (SELECT oid FROM schema)
), relations AS MATERIALIZED (
    SELECT objid AS oid FROM own WHERE classid = 'pg_class'::regclass
    UNION
    SELECT typrelid FROM pg_type
    WHERE oid IN (SELECT objid FROM own WHERE classid = 'pg_type'::regclass) AND typrelid <> 0
), types AS MATERIALIZED (
    SELECT objid AS oid FROM own WHERE classid = 'pg_type'::regclass
    UNION
    -- A multirange may have a schema of its own.
    SELECT t.oid
    FROM pg_range
    JOIN pg_type AS t ON t.oid = rngmultitypid
    WHERE rngtypid IN (SELECT objid FROM own WHERE classid = 'pg_type'::regclass)
      AND t.typnamespace = (SELECT oid FROM schema)
    UNION
    SELECT reltype FROM pg_class WHERE oid IN (SELECT oid FROM relations) AND reltype <> 0
), inside (classid, objid) AS MATERIALIZED (
    SELECT classid, objid FROM own
    UNION
    SELECT 'pg_class'::regclass, oid FROM relations
    UNION
    SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM relations)
    UNION
    SELECT 'pg_type'::regclass, oid FROM types
    UNION
    SELECT 'pg_type'::regclass, typarray FROM pg_type WHERE oid IN (SELECT oid FROM types) AND typarray <> 0
    UNION
    SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relations)
    UNION
    SELECT 'pg_constraint'::regclass, oid FROM pg_constraint
    WHERE conrelid = 0 AND contypid IN (SELECT oid FROM types)
), reached AS (
    -- What depends on something inside. Of what has no schema of its own, that is a part which hangs on its owner
    -- ('a' and 'i', such as a column's default or a trigger) or on its type (casts and transforms).
    SELECT dep.classid, dep.objid, dep.objsubid,
           dep.deptype IN ('a', 'i')
               OR dep.classid IN ('pg_cast'::regclass, 'pg_transform'::regclass)
                  AND dep.refclassid = 'pg_type'::regclass AS is_part
    FROM inside
    JOIN pg_depend AS dep ON dep.refclassid = inside.classid AND dep.refobjid = inside.objid
    UNION ALL
    -- What something inside is a part of, such as an extension: the owner goes with its part.
    SELECT dep.refclassid, dep.refobjid, dep.refobjsubid, false
    FROM inside
    JOIN pg_depend AS dep ON dep.classid = inside.classid AND dep.objid = inside.objid
    WHERE dep.deptype IN ('i', 'e')
), dependent AS (
    SELECT classid, objid, objsubid, bool_or(is_part) AS is_part
    FROM reached
    WHERE NOT EXISTS (
        SELECT FROM inside WHERE inside.classid = reached.classid AND inside.objid = reached.objid
    )
    GROUP BY classid, objid, objsubid
)
SELECT pg_describe_object(classid, objid, objsubid)
FROM dependent
CROSS JOIN LATERAL pg_identify_object(classid, objid, objsubid) AS identity
WHERE identity.schema IS DISTINCT FROM 'pg_toast'
  AND NOT (identity.schema IS NULL AND is_part)
ORDER BY 1
LIMIT 10
