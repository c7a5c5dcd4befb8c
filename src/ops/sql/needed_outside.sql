-- What DROP SCHEMA {schema} CASCADE would take along from elsewhere, in words.
WITH inside (classid, objid) AS (
    SELECT 'pg_namespace'::regclass, {schema}::regnamespace::oid
    UNION ALL
    SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE connamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE opcnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily WHERE opfnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_collation'::regclass, oid FROM pg_collation WHERE collnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_conversion'::regclass, oid FROM pg_conversion WHERE connamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config WHERE cfgnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict WHERE dictnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_ts_parser'::regclass, oid FROM pg_ts_parser WHERE prsnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_ts_template'::regclass, oid FROM pg_ts_template WHERE tmplnamespace = {schema}::regnamespace
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
