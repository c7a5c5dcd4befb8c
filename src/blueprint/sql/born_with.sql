(o.acl_type = 'n'
 AND EXISTS (SELECT FROM pg_init_privs i
              WHERE i.classoid = o.class AND i.objoid = o.id
                AND ARRAY(SELECT a.privilege_type FROM aclexplode(i.initprivs) a
                           WHERE a.grantee = e.grantee AND a.grantor = e.grantor ORDER BY 1)
                  = ARRAY(SELECT a.privilege_type FROM aclexplode(nullif(o.acl, '{}')::aclitem[]) a
                           WHERE a.grantee = e.grantee AND a.grantor = e.grantor ORDER BY 1)))
