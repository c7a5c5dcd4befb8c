-- Row security policies.
SELECT c.relnamespace AS schema,
       concat(p.polname {|} c.relname {|} p.polpermissive {|} p.polcmd {|} d.description {|}
              ARRAY(SELECT unnest(p.polroles) ORDER BY 1) {|}
              {settled:pg_get_expr(p.polqual, p.polrelid)} {|}
              {settled:pg_get_expr(p.polwithcheck, p.polrelid)}) AS text
  FROM pg_class c
  JOIN pg_policy p ON p.polrelid = c.oid
  LEFT JOIN pg_description d ON d.classoid = 'pg_policy'::regclass AND d.objoid = p.oid AND d.objsubid = 0
 WHERE c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
