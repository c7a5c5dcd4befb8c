SELECT 'pg_namespace'::regclass::oid, place
UNION ALL
SELECT d.classid, d.objid FROM pg_depend d
 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = place AND d.deptype = 'n'
