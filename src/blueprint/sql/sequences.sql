-- Sequences. Those of identity columns are made by their column and listed for what is said about them.
SELECT c.relnamespace AS schema,
       'pg_class'::regclass::oid AS class,
       c.oid AS id,
       CASE WHEN i.objid IS NULL THEN 'sequence' ELSE 'identity sequence' END AS kind,
       quote_ident(c.relname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       i.refobjid AS parent_id,
       CASE WHEN i.objid IS NULL THEN
           format('CREATE %sSEQUENCE %I AS %s %s', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' END,
                  c.relname, format_type(q.seqtypid, NULL), {sequence_options:q}) END AS sql,
       CASE WHEN i.objid IS NULL THEN
           format('ALTER SEQUENCE %I AS %s %s', c.relname, format_type(q.seqtypid, NULL), {sequence_options:q})
       END AS change,
       CASE WHEN i.objid IS NULL THEN format('DROP SEQUENCE %I', c.relname) END AS drop,
       'SEQUENCE ' || quote_ident(c.relname) AS target,
       c.relowner AS owner,
       c.relacl::text[] AS acl,
       's'::"char" AS acl_type
  FROM pg_class c
  JOIN pg_sequence q ON q.seqrelid = c.oid
  LEFT JOIN pg_depend i ON i.classid = 'pg_class'::regclass AND i.objid = c.oid AND i.deptype = 'i'
                       AND i.refclassid = 'pg_class'::regclass
 WHERE c.relkind = 'S'
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
