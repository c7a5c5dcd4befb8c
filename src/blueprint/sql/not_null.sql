-- Columns that are NOT NULL. Since PostgreSQL 18 that is a constraint, with a name and states of its own.
SELECT c.relnamespace AS schema,
       'pg_constraint'::regclass::oid AS class,
       x.oid AS id,
       'not null' AS kind,
       format('%I.%I', c.relname, a.attname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       CASE WHEN x.oid IS NULL OR w.is_written THEN a.attnum::int ELSE 0 END AS parent_sub,
       CASE WHEN x.oid IS NULL THEN 'NOT NULL'
            WHEN x.convalidated THEN
                format('CONSTRAINT %I NOT NULL%s%s', x.conname, CASE WHEN NOT w.is_written THEN ' ' || quote_ident(a.attname) END,
                       CASE WHEN x.connoinherit THEN ' NO INHERIT' END) END AS inline,
       CASE WHEN x.oid IS NULL THEN
                format('ALTER %s %I ALTER COLUMN %I SET NOT NULL', {alter_only:c}, c.relname, a.attname)
            ELSE format('ALTER %sTABLE %I ADD CONSTRAINT %I %s', CASE c.relkind WHEN 'f' THEN 'FOREIGN ' END,
                        c.relname, x.conname, pg_get_constraintdef(x.oid)) END AS sql,
       format('ALTER %s %I ALTER COLUMN %I DROP NOT NULL', {alter_only:c}, c.relname, a.attname) AS drop,
       CASE WHEN x.oid IS NOT NULL THEN format('CONSTRAINT %I ON %I', x.conname, c.relname) END AS target
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
  LEFT JOIN pg_constraint x ON {names_not_null} AND x.conrelid = c.oid AND x.contype = 'n' AND x.conkey = ARRAY[a.attnum]
 CROSS JOIN LATERAL (SELECT a.attislocal OR c.relispartition OR c.reloftype <> 0 OR {inherits_later} AS is_written) w
 WHERE c.relkind IN ('r', 'p', 'f')
   AND a.attnum > 0
   AND a.attnotnull
   {if children}
   AND (x.oid IS NULL OR x.conislocal OR c.relispartition OR {inherits_later}
        -- It holds for the child and is not proven for the parent.
        OR x.convalidated AND EXISTS (SELECT FROM pg_inherits i
                                        JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
                                        JOIN pg_constraint px ON px.conrelid = p.attrelid AND px.contype = 'n'
                                                             AND px.conkey = ARRAY[p.attnum]
                                       WHERE i.inhrelid = c.oid AND NOT px.convalidated))
   {end}
   AND NOT a.attisdropped
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
