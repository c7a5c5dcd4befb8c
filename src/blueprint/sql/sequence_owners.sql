-- Sequences that go with a column, and those of identity columns that are not logged as their table is.
SELECT c.relnamespace AS schema,
       'sequence owner' AS kind,
       quote_ident(c.relname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       'pg_class'::regclass::oid AS needs_class,
       d.refobjid AS needs_id,
       format('ALTER SEQUENCE %I OWNED BY %s.%I', c.relname, d.refobjid::regclass, a.attname) AS sql,
       format('ALTER SEQUENCE %I OWNED BY %s.%I', c.relname, d.refobjid::regclass, a.attname) AS change,
       format('ALTER SEQUENCE %I OWNED BY NONE', c.relname) AS drop
  FROM pg_class c
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a'
                  AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE c.relkind = 'S'
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
UNION ALL
SELECT c.relnamespace,
       'sequence persistence',
       quote_ident(c.relname),
       'pg_class'::regclass,
       c.oid,
       NULL,
       NULL,
       format('ALTER SEQUENCE %I SET %s', c.relname, CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END),
       format('ALTER SEQUENCE %I SET %s', c.relname, CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END),
       format('ALTER SEQUENCE %I SET %s', c.relname, CASE t.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END)
  FROM pg_class c
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i'
                  AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class t ON t.oid = d.refobjid
 WHERE c.relkind = 'S'
   AND c.relpersistence <> t.relpersistence
   AND {has_unlogged_sequences}
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
