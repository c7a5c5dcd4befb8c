{if default_privileges}(
    SELECT jsonb_agg(s.sql ORDER BY s.number)::text
      FROM pg_default_acl d
     CROSS JOIN LATERAL (
           SELECT 1 AS number,
                  format('REVOKE ALL ON %s FROM %s', {on},
                         CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(e.grantee)) END) AS sql
             FROM aclexplode(d.defaclacl) e
            WHERE e.grantee <> d.defaclrole
            GROUP BY e.grantee
            UNION ALL
           SELECT 2,
                  format('GRANT %s ON %s TO %s', string_agg(e.privilege_type, ', ' ORDER BY e.privilege_type), {on},
                         CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o.owner)) END)
             FROM aclexplode(acldefault(o.acl_type, d.defaclrole)) e
            GROUP BY e.grantee) s
     WHERE d.defaclnamespace = 0
       AND d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
       AND lower(d.defaclobjtype::text) = lower(o.acl_type::text)
       AND o.sql IS NOT NULL){else}NULL::text{end}
