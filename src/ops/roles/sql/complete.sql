DECLARE
    place oid;
    statement text;
BEGIN
    PERFORM set_config('search_path', 'pg_catalog', true);
    -- The roles were set up for this database: the operator may connect by name, and not as one of everybody.
    IF NOT EXISTS (SELECT FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a
                     JOIN pg_roles r ON r.oid = a.grantee
                    WHERE d.datname = current_database() AND r.rolname = {operator_text}) THEN
        RETURN;
    END IF;
    FOR statement IN
{operator_registry}
    LOOP
        EXECUTE statement;
    END LOOP;
    -- Tenants are made like the template. Once there are some, all of them need the same.
    SELECT n.oid INTO place FROM pg_namespace n
     WHERE n.nspname = {template_text} AND NOT EXISTS (SELECT FROM public.tenants);
    FOR statement IN
{operator_schema}
    LOOP
        EXECUTE statement;
    END LOOP;
END
