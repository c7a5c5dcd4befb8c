DECLARE
    chosen text;
    places text[] := ARRAY[{template_text}];
    place oid;
    statement text;
BEGIN
    PERFORM set_config('search_path', 'pg_catalog', true);
    IF to_regclass('public.tenants') IS NOT NULL AND to_regclass('public.refinery_schema_history') IS NOT NULL THEN
        places := places || ARRAY(SELECT t.schema_name::text FROM public.tenants t ORDER BY t.slug);
    END IF;
    FOREACH chosen IN ARRAY places LOOP
        PERFORM set_config('search_path', 'pg_catalog', true);
        {settings}
        SELECT n.oid INTO place FROM pg_namespace n WHERE n.nspname = chosen;
        CONTINUE WHEN place IS NULL;
        FOR statement IN
{objects}
        LOOP
            EXECUTE statement;
        END LOOP;
        FOR statement IN
{operator_schema}
        LOOP
            EXECUTE statement;
        END LOOP;
        -- The server has not room for the locks of all tenants in one transaction.
        COMMIT;
    END LOOP;
END
