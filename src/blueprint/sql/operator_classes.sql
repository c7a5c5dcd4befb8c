-- Operator classes with the operators and functions that belong to them.
SELECT c.opcnamespace AS schema,
       'pg_opclass'::regclass::oid AS class,
       c.oid AS id,
       'operator class' AS kind,
       format('%I USING %I', c.opcname, am.amname) AS name,
       format('CREATE OPERATOR CLASS %I%s FOR TYPE %s USING %I FAMILY %s AS %s', c.opcname,
              CASE WHEN c.opcdefault THEN ' DEFAULT' END, format_type(c.opcintype, NULL), am.amname,
              CASE WHEN pg_opfamily_is_visible(f.oid) THEN quote_ident(f.opfname)
                   ELSE format('%I.%I', fn.nspname, f.opfname) END,
              coalesce(m.list, 'STORAGE ' || format_type(coalesce(nullif(c.opckeytype, 0), c.opcintype), NULL))) AS sql,
       format('DROP OPERATOR CLASS %I USING %I', c.opcname, am.amname) AS drop,
       format('OPERATOR CLASS %I USING %I', c.opcname, am.amname) AS target,
       c.opcowner AS owner
  FROM pg_opclass c
  JOIN pg_am am ON am.oid = c.opcmethod
  JOIN pg_opfamily f ON f.oid = c.opcfamily
  JOIN pg_namespace fn ON fn.oid = f.opfnamespace
 CROSS JOIN LATERAL (
       SELECT string_agg(p.line, ', ' ORDER BY p.number, p.strategy, p.line) AS list
         FROM (SELECT 1 AS number, 0 AS strategy, 'STORAGE ' || format_type(c.opckeytype, NULL) AS line
                WHERE c.opckeytype <> 0
                UNION ALL
               SELECT 2, o.amopstrategy,
                      format('OPERATOR %s %s%s', o.amopstrategy, o.amopopr::regoperator, {for_order_by:o})
                 FROM pg_depend d
                 JOIN pg_amop o ON o.oid = d.objid
                WHERE d.classid = 'pg_amop'::regclass AND d.refclassid = 'pg_opclass'::regclass AND d.refobjid = c.oid
                UNION ALL
               SELECT 3, p.amprocnum,
                      format('FUNCTION %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, NULL),
                             format_type(p.amprocrighttype, NULL), p.amproc::regprocedure)
                 FROM pg_depend d
                 JOIN pg_amproc p ON p.oid = d.objid
                WHERE d.classid = 'pg_amproc'::regclass AND d.refclassid = 'pg_opclass'::regclass
                  AND d.refobjid = c.oid) p) m
 WHERE c.opcnamespace = ANY ($1)
   AND {not_of_an_extension:pg_opclass c}
