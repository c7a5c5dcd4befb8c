-- What needs what, as the catalogs know it. A sequence does not need the column that it goes with.
SELECT d.classid, d.objid, d.refclassid, d.refobjid, d.objsubid, d.refobjsubid
  FROM pg_depend d
  JOIN (SELECT 'pg_class'::regclass::oid AS class, oid AS id FROM pg_class WHERE oid = ANY ($2)
         UNION ALL
        SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
         WHERE c.oid = ANY ($2)
         UNION ALL
        SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
         WHERE c.oid = ANY ($2)
         UNION ALL
        SELECT 'pg_trigger'::regclass, g.oid FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
         WHERE c.oid = ANY ($2)
         UNION ALL
        SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
         WHERE c.oid = ANY ($2)
         UNION ALL
        SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = ANY ($2)
         UNION ALL
        SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = 0 AND contypid = ANY ($3)
         UNION ALL
        SELECT 'pg_type'::regclass, oid FROM pg_type WHERE oid = ANY ($3)
         UNION ALL
        SELECT 'pg_cast'::regclass, c.oid FROM pg_cast c JOIN pg_type t ON t.oid IN (c.castsource, c.casttarget)
         WHERE t.oid = ANY ($3)
         UNION ALL
        SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE oid = ANY ($4)
         UNION ALL
        SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily WHERE opfnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_amop'::regclass, o.oid FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily
         WHERE f.opfnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_amproc'::regclass, p.oid FROM pg_amproc p JOIN pg_opfamily f ON f.oid = p.amprocfamily
         WHERE f.opfnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE opcnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_collation'::regclass, oid FROM pg_collation WHERE collnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_conversion'::regclass, oid FROM pg_conversion WHERE connamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_ts_parser'::regclass, oid FROM pg_ts_parser WHERE prsnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_ts_template'::regclass, oid FROM pg_ts_template WHERE tmplnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict WHERE dictnamespace = ANY ($1)
         UNION ALL
        SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config WHERE cfgnamespace = ANY ($1)) o
       ON o.class = d.classid AND o.id = d.objid
  LEFT JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid
 WHERE d.deptype NOT IN ('e', 'x')
   AND NOT (d.classid = 'pg_rewrite'::regclass AND d.deptype = 'i')
   AND (d.deptype = 'a' AND s.relkind = 'S') IS NOT TRUE
   AND d.refclassid NOT IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
