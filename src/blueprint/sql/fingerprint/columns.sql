-- Columns of tables, and what is set on them and on the columns of materialized views. Where they stand does not matter.
SELECT c.relnamespace AS schema,
       concat(c.relkind {|} c.relname {|} a.attname {|} a.attstorage {|} a.attcompression {|}
              nullif(a.attstattarget, -1) {|} a.attoptions {|}
              CASE WHEN c.relkind <> 'm' THEN
                  concat({type:a.atttypid|a.atttypmod} {|} {collation:a.attcollation} {|} a.attgenerated {|}
                         a.attnotnull {|} a.attidentity {|} a.attfdwoptions {|} {acl:a.attacl|'c', c.relowner} {|}
                         -- Its parent has a default, and it has none.
                         CASE WHEN a.attinhcount > 0 AND NOT a.atthasdef AND NOT c.relispartition THEN
                             EXISTS (SELECT FROM pg_inherits i
                                       JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
                                      WHERE i.inhrelid = c.oid AND p.atthasdef) END) END) AS text
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('r', 'p', 'f', 'm')
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
