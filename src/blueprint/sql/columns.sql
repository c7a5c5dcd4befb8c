-- Columns of tables. One that is inherited is written where it comes from.
SELECT c.relnamespace AS schema,
       'pg_class'::regclass::oid AS class,
       a.attrelid AS id,
       a.attnum::int AS sub,
       'column' AS kind,
       format('%I.%I', c.relname, a.attname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       a.attnum::int AS position,
       CASE WHEN c.reloftype <> 0 THEN quote_ident(a.attname) || ' WITH OPTIONS'
            WHEN a.attislocal OR c.relispartition OR {inherits_later} THEN
                 concat(quote_ident(a.attname), ' ', format_type(a.atttypid, a.atttypmod),
                        CASE WHEN a.attcollation <> t.typcollation THEN
                            ' COLLATE ' || a.attcollation::regcollation::text END,
                        CASE WHEN a.attgenerated <> ''
                              -- A child takes the expression from its parent; until PostgreSQL 15 it must not have its own.
                              {if children}
                              AND (a.attinhcount = 0 OR c.relispartition OR {inherits_later} OR {may_differ_in_expression}
                                   OR NOT EXISTS (SELECT FROM pg_inherits i
                                                    JOIN pg_attribute p ON p.attrelid = i.inhparent
                                                   WHERE i.inhrelid = c.oid AND p.attname = a.attname
                                                     AND p.attgenerated <> ''))
                              {end} THEN
                            format(' GENERATED ALWAYS AS (%s)%s', pg_get_expr(d.adbin, d.adrelid),
                                   CASE a.attgenerated WHEN 's' THEN ' STORED' END) END) END AS inline,
       format('ALTER %sTABLE %I ADD COLUMN %I %s%s', CASE c.relkind WHEN 'f' THEN 'FOREIGN ' END,
              c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
              concat(CASE WHEN a.attcollation <> t.typcollation THEN
                         ' COLLATE ' || a.attcollation::regcollation::text END,
                     CASE WHEN a.attgenerated <> '' THEN
                         format(' GENERATED ALWAYS AS (%s)%s', pg_get_expr(d.adbin, d.adrelid),
                                CASE a.attgenerated WHEN 's' THEN ' STORED' END) END)) AS sql,
       CASE WHEN a.attgenerated = '' THEN
           format('ALTER %sTABLE %I ALTER COLUMN %I TYPE %s%s%s', CASE c.relkind WHEN 'f' THEN 'FOREIGN ' END,
                  c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attcollation <> t.typcollation THEN
                      ' COLLATE ' || a.attcollation::regcollation::text END,
                  -- An explicit cast to these cuts what is too long, where an assignment fails.
                  CASE WHEN c.relkind <> 'f'
                        AND a.atttypid NOT IN ('varchar'::regtype, 'bpchar'::regtype, 'bit'::regtype, 'varbit'::regtype)
                       THEN format(' USING %I::%s', a.attname, format_type(a.atttypid, a.atttypmod)) END) END AS change,
       format('ALTER %sTABLE %I DROP COLUMN %I', CASE c.relkind WHEN 'f' THEN 'FOREIGN ' END,
              c.relname, a.attname) AS drop,
       format('COLUMN %I.%I', c.relname, a.attname) AS target,
       c.relowner AS owner,
       a.attacl::text[] AS acl,
       'c'::"char" AS acl_type,
       quote_ident(c.relname) AS grant_on,
       format(' (%I)', a.attname) AS grant_column
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated <> ''
 WHERE c.relkind IN ('r', 'p', 'f')
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
