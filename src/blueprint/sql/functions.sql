-- Functions, procedures and window functions.
SELECT p.pronamespace AS schema,
       'pg_proc'::regclass::oid AS class,
       p.oid AS id,
       w.word AS kind,
       format('%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) AS name,
       f.head AS sql,
       f.head AS change,
       CASE WHEN p.prosqlbody IS NOT NULL THEN
           left(rtrim(f.head, chr(10)), -length(pg_get_function_sqlbody(p.oid))) || 'AS ''''' END AS stand_in,
       l.lanname AS language,
       CASE WHEN p.prosqlbody IS NULL THEN p.prosrc END AS body,
       format('DROP %s %I(%s)', w.word, p.proname, pg_get_function_identity_arguments(p.oid)) AS drop,
       format('%s %I(%s)', upper(w.word), p.proname, pg_get_function_identity_arguments(p.oid)) AS target,
       p.proowner AS owner,
       p.proacl::text[] AS acl,
       'f'::"char" AS acl_type
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
  JOIN pg_namespace n ON n.oid = p.pronamespace
 CROSS JOIN LATERAL (SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS word) w
 CROSS JOIN LATERAL (
       SELECT format('CREATE OR REPLACE %s %s', upper(w.word),
                     substr(pg_get_functiondef(p.oid),
                            length(format('CREATE OR REPLACE %s %I.', w.word, n.nspname)) + 1)) AS head) f
 WHERE p.prokind IN ('f', 'p', 'w')
   AND p.oid = ANY ($4)
   AND {not_of_an_extension:pg_proc p}
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
