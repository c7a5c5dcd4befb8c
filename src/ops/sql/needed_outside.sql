-- Objects of other schemas that depend on objects of {schema}, in words.
WITH inside (classid, objid) AS (
    SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE connamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE opcnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_collation'::regclass, oid FROM pg_collation WHERE collnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config WHERE cfgnamespace = {schema}::regnamespace
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict WHERE dictnamespace = {schema}::regnamespace
), dependent AS (
    -- 'i' and 'e' hang on their owner, whose own dependency is listed.
    SELECT DISTINCT dep.classid, dep.objid, dep.objsubid
    FROM inside
    JOIN pg_depend AS dep ON dep.refclassid = inside.classid AND dep.refobjid = inside.objid
    WHERE dep.deptype IN ('n', 'a')
)
SELECT pg_describe_object(dependent.classid, dependent.objid, dependent.objsubid)
FROM dependent
LEFT JOIN pg_rewrite AS rule ON dependent.classid = 'pg_rewrite'::regclass AND rule.oid = dependent.objid
LEFT JOIN pg_attrdef AS def ON dependent.classid = 'pg_attrdef'::regclass AND def.oid = dependent.objid
LEFT JOIN pg_trigger AS trigger ON dependent.classid = 'pg_trigger'::regclass AND trigger.oid = dependent.objid
LEFT JOIN pg_policy AS policy ON dependent.classid = 'pg_policy'::regclass AND policy.oid = dependent.objid
LEFT JOIN pg_constraint AS con ON dependent.classid = 'pg_constraint'::regclass AND con.oid = dependent.objid
LEFT JOIN pg_proc AS proc ON dependent.classid = 'pg_proc'::regclass AND proc.oid = dependent.objid
LEFT JOIN pg_type AS type ON dependent.classid = 'pg_type'::regclass AND type.oid = dependent.objid
LEFT JOIN pg_class AS relation ON relation.oid = COALESCE(
    rule.ev_class, def.adrelid, trigger.tgrelid, policy.polrelid, NULLIF(con.conrelid, 0), NULLIF(type.typrelid, 0),
    CASE WHEN dependent.classid = 'pg_class'::regclass THEN dependent.objid END
)
WHERE COALESCE(relation.relnamespace, con.connamespace, proc.pronamespace, type.typnamespace)
      <> {schema}::regnamespace
  AND relation.relkind IS DISTINCT FROM 't'
ORDER BY 1
LIMIT 10
