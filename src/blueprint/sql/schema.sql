-- The schema itself, and the privileges that objects made in it will get.
SELECT n.oid AS schema,
       'pg_namespace'::regclass::oid AS class,
       n.oid AS id,
       'schema' AS kind,
       'schema' AS name,
       NULL AS sql,
       NULL AS drop,
       'SCHEMA {own}' AS target,
       n.nspowner AS owner,
       n.nspacl::text[] AS acl,
       'n'::"char" AS acl_type
  FROM pg_namespace n
 WHERE n.oid = ANY ($1)
{if default_privileges}
UNION ALL
SELECT n.oid,
       0,
       0,
       'default privileges',
       format('%s TO %s ON %s BY %s', e.privileges, e.grantee, k.words, quote_ident(pg_get_userbyid(d.defaclrole))),
       format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA {own} GRANT %s ON %s TO %s%s',
              pg_get_userbyid(d.defaclrole), e.privileges, k.words, e.grantee,
              CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' END),
       format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA {own} REVOKE %s ON %s FROM %s',
              pg_get_userbyid(d.defaclrole), e.privileges, k.words, e.grantee),
       NULL,
       NULL,
       NULL,
       NULL
  FROM pg_namespace n
  JOIN pg_default_acl d ON d.defaclnamespace = n.oid
  JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('T', 'TYPES')) k (letter, words)
       ON k.letter = d.defaclobjtype::text
 CROSS JOIN LATERAL (
       SELECT string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) AS privileges,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END AS grantee,
              x.is_grantable
         FROM aclexplode(d.defaclacl) x
        WHERE NOT {is_own_role:x.grantee|n.oid}
        GROUP BY x.grantee, x.is_grantable) e
 WHERE n.oid = ANY ($1)
{end}
