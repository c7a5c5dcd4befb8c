-- Sequences, and the columns that they go with or are the identity of.
SELECT c.relnamespace AS schema,
       concat(c.relname {|} q.seqstart {|} q.seqincrement {|} q.seqmin {|} q.seqmax {|} q.seqcache {|} q.seqcycle {|}
              c.relpersistence = 'u' {|} {acl:c.relacl|'s', c.relowner} {|} d.deptype {|} a.attname {|}
              CASE WHEN t.relnamespace = c.relnamespace THEN t.relname::text ELSE t.oid::regclass::text END {|}
              CASE WHEN d.deptype = 'i' THEN NULL ELSE concat({type:q.seqtypid|-1} {|} c.relowner) END) AS text
  FROM pg_class c
  JOIN pg_sequence q ON q.seqrelid = c.oid
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
  LEFT JOIN pg_class t ON t.oid = d.refobjid
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE c.relkind = 'S'
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
