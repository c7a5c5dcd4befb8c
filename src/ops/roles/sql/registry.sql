DECLARE
    statement text;
BEGIN
    PERFORM set_config('search_path', 'pg_catalog', true);
    {settings}
    -- A table of that name without a history is not ours.
    IF to_regclass('public.tenants') IS NULL OR to_regclass('public.refinery_schema_history') IS NULL THEN
        RETURN;
    END IF;
    FOR statement IN
{objects}
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
{operator_registry}
    LOOP
        EXECUTE statement;
    END LOOP;
END
