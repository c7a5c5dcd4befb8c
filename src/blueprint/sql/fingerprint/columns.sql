-- Columns of tables, and what is set on them and on the columns of materialized views. Where they stand does not matter.
-- Since PostgreSQL 18 NOT NULL is a constraint; one that a parent brings along is left to it, as in `not_null.sql`.
SELECT c.relnamespace AS schema,
       concat(c.relkind {|} c.relname {|} a.attname {|} a.attstorage {|} a.attcompression {|}
              nullif(a.attstattarget, -1) {|} a.attoptions {|}
              CASE WHEN c.relkind <> 'm' THEN
                  concat({type:a.atttypid|a.atttypmod} {|} {collation:a.attcollation} {|} a.attgenerated {|}
                         a.attnotnull {|}
                         {if named_not_null}
                         CASE WHEN n.text IS NULL THEN NULL
                              WHEN n.conislocal OR c.relispartition THEN n.text
                              WHEN {inherits_later}
                                   OR n.convalidated AND EXISTS (SELECT FROM pg_inherits i
                                                                   JOIN pg_attribute p ON p.attrelid = i.inhparent
                                                                                      AND p.attname = a.attname
                                                                   JOIN pg_constraint px ON px.conrelid = p.attrelid
                                                                                        AND px.contype = 'n'
                                                                                        AND px.conkey = ARRAY[p.attnum]
                                                                  WHERE i.inhrelid = c.oid AND NOT px.convalidated)
                              THEN n.text END
                         {else} NULL {end} {|}
                         a.attidentity {|} a.attfdwoptions {|} {acl:a.attacl|'c', c.relowner} {|}
                         {if children}
                         -- Its parent has a default, and it has none.
                         CASE WHEN a.attinhcount > 0 AND NOT a.atthasdef AND NOT c.relispartition THEN
                             EXISTS (SELECT FROM pg_inherits i
                                       JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
                                      WHERE i.inhrelid = c.oid AND p.atthasdef) END
                         {else} NULL {end}) END) AS text
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
  {if named_not_null}
  LEFT JOIN (SELECT x.conrelid, x.conkey[1] AS number, x.conislocal, x.convalidated,
                    concat(x.conname {|} x.connoinherit {|} x.convalidated {|} d.description) AS text
               FROM pg_constraint x
               LEFT JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = x.oid AND d.objsubid = 0
              WHERE x.contype = 'n'
                AND x.conrelid = ANY ($2)) n ON n.conrelid = c.oid AND n.number = a.attnum
  {end}
 WHERE c.relkind IN ('r', 'p', 'f', 'm')
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
