-- Columns that are NOT NULL.
SELECT c.relnamespace AS schema,
       'not null' AS kind,
       format('%I.%I', c.relname, a.attname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       a.attnum::int AS parent_sub,
       'NOT NULL' AS inline,
       format('ALTER %s %I ALTER COLUMN %I SET NOT NULL', {alter_only:c}, c.relname, a.attname) AS sql,
       format('ALTER %s %I ALTER COLUMN %I DROP NOT NULL', {alter_only:c}, c.relname, a.attname) AS drop
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('r', 'p', 'f')
   AND a.attnum > 0
   AND a.attnotnull
   AND NOT a.attisdropped
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
