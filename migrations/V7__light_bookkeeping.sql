-- What a migration writes about a tenant has to be light beside what it does to the tenant.

-- A new version of a row that finds room on its page leaves the indexes alone.
ALTER TABLE tenants SET (fillfactor = 70);

-- The version and the fingerprint of a schema are no particulars of the tenant: they neither change its state nor
-- count as an update of it. When they changed is in the log.
DROP TRIGGER tenants_keep_state ON tenants;
CREATE TRIGGER tenants_keep_state
    BEFORE INSERT OR UPDATE OF id, slug, name, domain, schema_name, subscription_plan, region, is_active, status,
        metadata, created_at, updated_at, deleted_at
    ON tenants
    FOR EACH ROW EXECUTE FUNCTION tenants_keep_state();

COMMENT ON COLUMN tenants.updated_at IS 'When something but the version or the fingerprint of the schema was changed';

-- A foreign key would lock the one row of the run for every tenant, from all connections at once.
ALTER TABLE tenant_operation_results DROP CONSTRAINT tenant_operation_results_operation_id_fkey;

CREATE FUNCTION tenant_operations_take_results_along() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.tenant_operation_results AS result USING gone WHERE result.operation_id = gone.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER tenant_operations_take_results_along
    AFTER DELETE ON tenant_operations
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION tenant_operations_take_results_along();
