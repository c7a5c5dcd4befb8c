-- The names of what extensions keep in the schema.
SELECT DISTINCT m.name::text
  FROM pg_depend d
  JOIN (
        SELECT 'pg_proc'::regclass::oid AS class, oid AS id, proname AS name FROM pg_proc WHERE oid = ANY ($4)
        UNION ALL
        SELECT 'pg_type'::regclass::oid AS class, oid AS id, typname AS name FROM pg_type WHERE oid = ANY ($3)
        UNION ALL
        SELECT 'pg_operator'::regclass::oid AS class, oid AS id, oprname AS name FROM pg_operator WHERE oprnamespace = ANY ($1)
        UNION ALL
        SELECT 'pg_opclass'::regclass::oid AS class, oid AS id, opcname AS name FROM pg_opclass WHERE opcnamespace = ANY ($1)
        UNION ALL
        SELECT 'pg_opfamily'::regclass::oid AS class, oid AS id, opfname AS name FROM pg_opfamily WHERE opfnamespace = ANY ($1)
        UNION ALL
        SELECT 'pg_class'::regclass::oid AS class, oid AS id, relname AS name FROM pg_class WHERE oid = ANY ($2)
        UNION ALL
        SELECT 'pg_collation'::regclass::oid AS class, oid AS id, collname AS name FROM pg_collation WHERE collnamespace = ANY ($1)
        UNION ALL
        SELECT 'pg_ts_config'::regclass::oid AS class, oid AS id, cfgname AS name FROM pg_ts_config WHERE cfgnamespace = ANY ($1)
        UNION ALL
        SELECT 'pg_ts_dict'::regclass::oid AS class, oid AS id, dictname AS name FROM pg_ts_dict WHERE dictnamespace = ANY ($1)
        UNION ALL
        SELECT 'pg_ts_parser'::regclass::oid AS class, oid AS id, prsname AS name FROM pg_ts_parser WHERE prsnamespace = ANY ($1)
        UNION ALL
        SELECT 'pg_ts_template'::regclass::oid AS class, oid AS id, tmplname AS name FROM pg_ts_template WHERE tmplnamespace = ANY ($1)
       ) m ON m.class = d.classid AND m.id = d.objid
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
