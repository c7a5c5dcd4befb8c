-- Tables, partitioned and foreign tables, and what is set on them and on materialized views as a whole.
SELECT c.relnamespace AS schema,
       concat(c.relkind {|} c.relname {|} c.reloptions {|} toast.reloptions {|}
              CASE WHEN c.relreplident IN ('f', 'n') THEN c.relreplident END {|}
              CASE WHEN c.relkind <> 'm' THEN
                  concat(c.relpersistence = 'u' {|} c.relowner {|} {acl:c.relacl|'r', c.relowner} {|}
                         nullif(c.relam, 2) {|} c.reltablespace {|} c.relrowsecurity {|} c.relforcerowsecurity) END {|}
              CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END {|}
              CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid)
                             {if foreign tables}
                             WHEN 'f' THEN (SELECT concat(f.ftserver {|} f.ftoptions)
                                              FROM pg_foreign_table f WHERE f.ftrelid = c.oid)
                             {end} END {|}
              {if children}
              CASE WHEN NOT c.relispartition AND c.oid IN (SELECT inhrelid FROM pg_inherits) THEN
                  concat({inherits_later} {|}
                         (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno)
                            FROM pg_inherits i WHERE i.inhrelid = c.oid)) END
              {else} NULL {end}) AS text
  FROM pg_class c
  LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
 WHERE c.relkind IN ('r', 'p', 'f', 'm')
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
