-- Catalog rows that come and go with an object, and the object that they are part of.
SELECT 'pg_type'::regclass::oid AS class, t.oid AS id, 'pg_class'::regclass::oid AS of_class, t.typrelid AS of_id
  FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
 WHERE c.relkind <> 'c' AND t.oid = ANY ($3)
 UNION ALL
SELECT 'pg_class'::regclass, t.typrelid, 'pg_type'::regclass, t.oid
  FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
 WHERE c.relkind = 'c' AND t.oid = ANY ($3)
 UNION ALL
SELECT 'pg_type'::regclass, t.typarray, 'pg_type'::regclass, t.oid
  FROM pg_type t WHERE t.typarray <> 0 AND t.oid = ANY ($3)
 UNION ALL
SELECT 'pg_type'::regclass, r.rngmultitypid, 'pg_type'::regclass, r.rngtypid
  FROM pg_range r JOIN pg_type t ON t.oid = r.rngtypid WHERE t.oid = ANY ($3)
 UNION ALL
SELECT 'pg_proc'::regclass, d.objid, 'pg_type'::regclass, d.refobjid
  FROM pg_depend d JOIN pg_type t ON t.oid = d.refobjid
 WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'i'
   AND t.oid = ANY ($3)
 UNION ALL
SELECT 'pg_rewrite'::regclass, r.oid, 'pg_class'::regclass, r.ev_class
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
 WHERE r.rulename = '_RETURN' AND c.oid = ANY ($2)
 UNION ALL
SELECT 'pg_attrdef'::regclass, d.oid, 'pg_class'::regclass, d.adrelid
  FROM pg_attrdef d
  JOIN pg_class c ON c.oid = d.adrelid
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
 WHERE a.attgenerated <> '' AND c.oid = ANY ($2)
 UNION ALL
SELECT 'pg_amop'::regclass, d.objid, d.refclassid, d.refobjid
  FROM pg_depend d JOIN pg_opclass c ON c.oid = d.refobjid
 WHERE d.classid = 'pg_amop'::regclass AND d.refclassid = 'pg_opclass'::regclass AND c.opcnamespace = ANY ($1)
 UNION ALL
SELECT 'pg_amproc'::regclass, d.objid, d.refclassid, d.refobjid
  FROM pg_depend d JOIN pg_opclass c ON c.oid = d.refobjid
 WHERE d.classid = 'pg_amproc'::regclass AND d.refclassid = 'pg_opclass'::regclass AND c.opcnamespace = ANY ($1)
