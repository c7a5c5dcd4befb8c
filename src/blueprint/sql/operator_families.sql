-- Operator families, and their members that belong to no operator class.
SELECT f.opfnamespace AS schema,
       'pg_opfamily'::regclass::oid AS class,
       f.oid AS id,
       'operator family' AS kind,
       format('%I USING %I', f.opfname, am.amname) AS name,
       NULL::oid AS parent_class,
       NULL::oid AS parent_id,
       NULL::oid AS needs_class,
       NULL::oid AS needs_id,
       format('CREATE OPERATOR FAMILY %I USING %I', f.opfname, am.amname) AS sql,
       format('DROP OPERATOR FAMILY %I USING %I', f.opfname, am.amname) AS drop,
       format('OPERATOR FAMILY %I USING %I', f.opfname, am.amname) AS target,
       f.opfowner AS owner
  FROM pg_opfamily f
  JOIN pg_am am ON am.oid = f.opfmethod
 WHERE f.opfnamespace = ANY ($1)
   AND {not_of_an_extension:pg_opfamily f}
UNION ALL
SELECT f.opfnamespace,
       'pg_amop'::regclass,
       o.oid,
       'operator of a family',
       format('%s %s of %I USING %I', o.amopstrategy, o.amopopr::regoperator, f.opfname, am.amname),
       'pg_opfamily'::regclass,
       f.oid,
       NULL,
       NULL,
       format('ALTER OPERATOR FAMILY %I USING %I ADD OPERATOR %s %s%s', f.opfname, am.amname, o.amopstrategy,
              o.amopopr::regoperator, {for_order_by:o}),
       format('ALTER OPERATOR FAMILY %I USING %I DROP OPERATOR %s (%s, %s)', f.opfname, am.amname, o.amopstrategy,
              format_type(o.amoplefttype, NULL), format_type(o.amoprighttype, NULL)),
       NULL,
       NULL
  FROM pg_opfamily f
  JOIN pg_am am ON am.oid = f.opfmethod
  JOIN pg_amop o ON o.amopfamily = f.oid
  JOIN pg_depend d ON d.classid = 'pg_amop'::regclass AND d.objid = o.oid AND d.refclassid = 'pg_opfamily'::regclass
                  AND d.refobjid = f.oid AND d.deptype = 'a'
 WHERE f.opfnamespace = ANY ($1)
   AND {not_of_an_extension:pg_opfamily f}
UNION ALL
SELECT f.opfnamespace,
       'pg_amproc'::regclass,
       p.oid,
       'function of a family',
       format('%s (%s, %s) of %I USING %I', p.amprocnum, format_type(p.amproclefttype, NULL),
              format_type(p.amprocrighttype, NULL), f.opfname, am.amname),
       'pg_opfamily'::regclass,
       f.oid,
       NULL,
       NULL,
       format('ALTER OPERATOR FAMILY %I USING %I ADD FUNCTION %s (%s, %s) %s', f.opfname, am.amname, p.amprocnum,
              format_type(p.amproclefttype, NULL), format_type(p.amprocrighttype, NULL), p.amproc::regprocedure),
       format('ALTER OPERATOR FAMILY %I USING %I DROP FUNCTION %s (%s, %s)', f.opfname, am.amname, p.amprocnum,
              format_type(p.amproclefttype, NULL), format_type(p.amprocrighttype, NULL)),
       NULL,
       NULL
  FROM pg_opfamily f
  JOIN pg_am am ON am.oid = f.opfmethod
  JOIN pg_amproc p ON p.amprocfamily = f.oid
  JOIN pg_depend d ON d.classid = 'pg_amproc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_opfamily'::regclass
                  AND d.refobjid = f.oid AND d.deptype = 'a'
 WHERE f.opfnamespace = ANY ($1)
   AND {not_of_an_extension:pg_opfamily f}
