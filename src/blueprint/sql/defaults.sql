-- Defaults of columns, those of views included. A generated column's expression is part of the column.
SELECT c.relnamespace AS schema,
       'pg_attrdef'::regclass::oid AS class,
       d.oid AS id,
       'default' AS kind,
       format('%I.%I', c.relname, a.attname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       a.attnum::int AS parent_sub,
       -- Children must not take over what their parents differ in.
       CASE WHEN c.relkind IN ('p', 'f')
              OR c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) THEN
           'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END AS inline,
       format('ALTER %s %I ALTER COLUMN %I SET DEFAULT %s', {alter_only:c},
              c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid)) AS sql,
       format('ALTER %s %I ALTER COLUMN %I SET DEFAULT %s', {alter_only:c},
              c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid)) AS change,
       format('ALTER %s %I ALTER COLUMN %I DROP DEFAULT', {alter_only:c}, c.relname, a.attname) AS drop
  FROM pg_class c
  JOIN pg_attrdef d ON d.adrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
 WHERE a.attgenerated = ''
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
