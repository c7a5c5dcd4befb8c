-- Row security policies.
SELECT c.relnamespace AS schema,
       'pg_policy'::regclass::oid AS class,
       p.oid AS id,
       'policy' AS kind,
       format('%I ON %I', p.polname, c.relname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       format('CREATE POLICY %I ON %I%s%s%s%s%s', p.polname, c.relname,
              CASE WHEN NOT p.polpermissive THEN ' AS RESTRICTIVE' END,
              CASE p.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT'
                            WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' END,
              CASE WHEN p.polroles <> '{0}' THEN
                  ' TO ' || (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END,
                                               ', ' ORDER BY pg_get_userbyid(r)) FROM unnest(p.polroles) r) END,
              ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
              ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS sql,
       format('DROP POLICY %I ON %I', p.polname, c.relname) AS drop,
       format('POLICY %I ON %I', p.polname, c.relname) AS target
  FROM pg_class c
  JOIN pg_policy p ON p.polrelid = c.oid
 WHERE c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
