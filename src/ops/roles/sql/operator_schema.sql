            SELECT format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, {operator_text})
              FROM pg_namespace n
             WHERE n.oid = place AND NOT has_schema_privilege({operator_text}, n.oid, 'USAGE')
            UNION ALL
            SELECT format('GRANT SELECT ON %I.%I TO %I', n.nspname, c.relname, {operator_text})
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relnamespace = place
               AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege({operator_text}, c.oid, 'SELECT')
                        WHEN c.relname = 'refinery_schema_history'
                        THEN NOT has_table_privilege({operator_text}, c.oid, 'SELECT') END
               AND NOT EXISTS (SELECT FROM pg_depend d
                                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
            UNION ALL
            SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON SEQUENCES TO %I',
                          pg_get_userbyid(n.nspowner), n.nspname, {operator_text})
              FROM pg_namespace n
             WHERE n.oid = place
               AND NOT EXISTS (SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a
                                WHERE d.defaclnamespace = n.oid AND d.defaclrole = n.nspowner AND d.defaclobjtype = 'S'
                                  AND a.grantee = (SELECT oid FROM pg_roles WHERE rolname = {operator_text}))
