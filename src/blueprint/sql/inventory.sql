-- The relations, types and functions of the schemas, found by what the schemas are needed by: the catalogs themselves have
-- no index by schema, and grow with every tenant. Only a schema that was made with the cluster, such as `public` under
-- whatever name, has nothing recorded.
WITH schemas AS MATERIALIZED (SELECT unnest($1::oid[]) AS oid),
old AS MATERIALIZED (SELECT oid FROM schemas WHERE oid < 16384),
needing AS MATERIALIZED (
    SELECT d.classid, d.objid
      FROM schemas s
      JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
),
tables AS MATERIALIZED (
    SELECT objid AS oid FROM needing WHERE classid = 'pg_class'::regclass
     UNION
    SELECT c.oid FROM pg_class c WHERE EXISTS (SELECT FROM old) AND c.relnamespace IN (SELECT oid FROM old)
),
own_types AS MATERIALIZED (
    SELECT objid AS oid FROM needing WHERE classid = 'pg_type'::regclass
     UNION
    SELECT t.oid FROM pg_type t WHERE EXISTS (SELECT FROM old) AND t.typnamespace IN (SELECT oid FROM old)
)
SELECT ARRAY(SELECT oid FROM tables
              UNION
             SELECT i.indexrelid FROM tables t JOIN pg_index i ON i.indrelid = t.oid
              UNION
             SELECT y.typrelid FROM own_types t JOIN pg_type y ON y.oid = t.oid WHERE y.typrelid <> 0) AS relations,
       ARRAY(SELECT oid FROM own_types
              UNION
             SELECT c.reltype FROM tables t JOIN pg_class c ON c.oid = t.oid WHERE c.reltype <> 0) AS types,
       ARRAY(SELECT objid FROM needing WHERE classid = 'pg_proc'::regclass
              UNION
             SELECT p.oid FROM pg_proc p
              WHERE EXISTS (SELECT FROM old) AND p.pronamespace IN (SELECT oid FROM old)) AS functions
