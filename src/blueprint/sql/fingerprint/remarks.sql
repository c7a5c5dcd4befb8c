-- Comments on relations and their columns, and privileges on the columns of views and composite types.
SELECT c.relnamespace AS schema,
       concat('comment' {|} c.relkind {|} c.relname {|} a.attname {|} d.description) AS text
  FROM pg_class c
  JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
 WHERE c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
UNION ALL
SELECT c.relnamespace,
       concat('grant' {|} c.relname {|} a.attname {|} {acl:a.attacl|'c', c.relowner})
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('v', 'm', 'c')
   AND a.attnum > 0
   AND {acl:a.attacl|'c', c.relowner} IS NOT NULL
   AND NOT a.attisdropped
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
