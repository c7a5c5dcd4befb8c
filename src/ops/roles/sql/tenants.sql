-- Gives tenants roles of their own. The query that is filled in answers with each tenant's role and schema.
DECLARE
    tenant record;
    place record;
    found record;
    elsewhere text;
    statement text;
BEGIN
    PERFORM set_config('search_path', 'pg_catalog', true);
    {guard}
    FOR tenant IN {tenants} LOOP
        {settings}
        SELECT n.oid, format('tenantctl: application role of schema %s', n.nspname) AS remark,
               quote_ident(pg_get_userbyid(n.nspowner)) AS owner, n.nspowner
          INTO place FROM pg_namespace n WHERE n.nspname = tenant.schema_name;
        CONTINUE WHEN place.oid IS NULL;

        -- The comment tells whose role it is, so that a role which only happens to have the name gets nothing.
        SELECT r.oid, shobj_description(r.oid, 'pg_authid') AS remark
          INTO found FROM pg_roles r WHERE r.rolname = tenant.role_name;
        IF found.oid IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', tenant.role_name);
            EXECUTE format('COMMENT ON ROLE %I IS %L', tenant.role_name, place.remark);
            SELECT r.oid, place.remark AS remark INTO found FROM pg_roles r WHERE r.rolname = tenant.role_name;
        ELSIF found.remark IS DISTINCT FROM place.remark THEN
            RAISE EXCEPTION 'role "%" is there already, and its comment does not say that it belongs to schema "%"',
                tenant.role_name, tenant.schema_name USING ERRCODE = 'duplicate_object';
        END IF;
        SELECT string_agg(DISTINCT quote_ident(d.datname), ', ') INTO elsewhere
          FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
         WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = found.oid AND d.datname <> current_database();
        IF elsewhere IS NOT NULL THEN
            RAISE EXCEPTION 'role "%" has privileges in another database of this server: %', tenant.role_name, elsewhere
                USING ERRCODE = 'dependent_objects_still_exist';
        END IF;

        -- The schema, what is in it but for the history of its migrations, and what migrations will add.
        FOR statement IN
            SELECT format('GRANT USAGE ON SCHEMA %I TO %I', tenant.schema_name, tenant.role_name)
             WHERE NOT has_schema_privilege(found.oid, place.oid, 'USAGE')
            UNION ALL
            SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO %I',
                          tenant.schema_name, c.relname, tenant.role_name)
              FROM pg_class c
             WHERE c.relnamespace = place.oid
               AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
               AND c.relname <> 'refinery_schema_history'
               AND NOT (has_table_privilege(found.oid, c.oid, 'SELECT')
                        AND has_table_privilege(found.oid, c.oid, 'INSERT')
                        AND has_table_privilege(found.oid, c.oid, 'UPDATE')
                        AND has_table_privilege(found.oid, c.oid, 'DELETE'))
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                                                         AND e.deptype = 'e')
            UNION ALL
            SELECT format('GRANT USAGE, SELECT ON SEQUENCE %I.%I TO %I',
                          tenant.schema_name, c.relname, tenant.role_name)
              FROM pg_class c
             WHERE c.relnamespace = place.oid
               AND c.relkind = 'S'
               AND NOT (has_sequence_privilege(found.oid, c.oid, 'USAGE')
                        AND has_sequence_privilege(found.oid, c.oid, 'SELECT'))
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                                                         AND e.deptype = 'e')
            UNION ALL
            SELECT format('REVOKE ALL ON %I.%I FROM %I', tenant.schema_name, c.relname, tenant.role_name)
              FROM pg_class c, aclexplode(c.relacl) a
             WHERE c.relnamespace = place.oid AND c.relname = 'refinery_schema_history' AND a.grantee = found.oid
             GROUP BY c.relname
            UNION ALL
            SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA %I GRANT %s TO %I',
                          place.owner, tenant.schema_name, wanted.privileges, tenant.role_name)
              FROM (VALUES ('r', 'SELECT, INSERT, UPDATE, DELETE ON TABLES'), ('S', 'USAGE, SELECT ON SEQUENCES'))
                   AS wanted (kind, privileges)
             WHERE NOT EXISTS (SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a
                                WHERE d.defaclnamespace = place.oid AND d.defaclrole = place.nspowner
                                  AND d.defaclobjtype::text = wanted.kind AND a.grantee = found.oid)
        LOOP
            EXECUTE statement;
        END LOOP;
        {commit}
    END LOOP;
END
