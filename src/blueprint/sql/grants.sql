CASE WHEN o.acl IS NOT NULL THEN (
    SELECT jsonb_agg(jsonb_build_array(
               concat(g.privileges, ' ON ', {on}, CASE g.verb WHEN 'grant' THEN ' TO ' ELSE ' FROM ' END, g.grantee,
                      ' BY ' || g.grantor),
               concat('SET LOCAL ROLE ' || g.grantor || '; ',
                      CASE g.verb WHEN 'grant' THEN 'GRANT ' ELSE 'REVOKE ' END, g.privileges, ' ON ', {on},
                      CASE g.verb WHEN 'grant' THEN ' TO ' ELSE ' FROM ' END, g.grantee,
                      CASE WHEN g.is_grantable AND g.verb = 'grant' THEN ' WITH GRANT OPTION' END,
                      '; RESET ROLE' || left(g.grantor, 0)),
               concat('SET LOCAL ROLE ' || g.grantor || '; ',
                      CASE g.verb WHEN 'grant' THEN 'REVOKE ' ELSE 'GRANT ' END, g.privileges, ' ON ', {on},
                      CASE g.verb WHEN 'grant' THEN ' FROM ' ELSE ' TO ' END, g.grantee,
                      '; RESET ROLE' || left(g.grantor, 0))) ORDER BY g.number)::text
      FROM (SELECT 'revoke' AS verb,
                   0::bigint AS number,
                   string_agg(d.privilege_type || {column}, ', ' ORDER BY d.privilege_type) AS privileges,
                   CASE d.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(d.grantee)) END AS grantee,
                   d.is_grantable,
                   NULL::text AS grantor
              FROM aclexplode(acldefault(o.acl_type, o.owner)) d
             WHERE NOT EXISTS (SELECT FROM aclexplode(nullif(o.acl, '{}')::aclitem[]) e
                                WHERE (e.grantor, e.grantee, e.privilege_type) = (d.grantor, d.grantee, d.privilege_type))
             GROUP BY d.grantee, d.is_grantable
             UNION ALL
            SELECT 'grant',
                   min(e.number),
                   string_agg(e.privilege_type || {column}, ', ' ORDER BY e.privilege_type),
                   CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(e.grantee)) END,
                   e.is_grantable,
                   CASE WHEN e.grantor <> o.owner THEN quote_ident(pg_get_userbyid(e.grantor)) END
              FROM aclexplode(nullif(o.acl, '{}')::aclitem[])
                   WITH ORDINALITY e (grantor, grantee, privilege_type, is_grantable, number)
             WHERE NOT EXISTS (SELECT FROM aclexplode(acldefault(o.acl_type, o.owner)) d
                                WHERE (e.grantor, e.grantee, e.privilege_type, e.is_grantable)
                                    = (d.grantor, d.grantee, d.privilege_type, d.is_grantable))
               -- What a schema's own role is granted, every schema grants to another.
               AND NOT {is_own_role:e.grantee|o.schema}
               -- What the schema `public` was born with stays with it, under whatever name.
               AND NOT {born_with}
             GROUP BY e.grantor, e.grantee, e.is_grantable) g) END
