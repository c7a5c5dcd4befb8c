-- The definition of a schema that tenants are made from, kept beside its fingerprint. What stands here is made again as it
-- is: it is used only where nobody but the table's owner may write it.

ALTER TABLE tenant_known_fingerprints ADD COLUMN definition text;

COMMENT ON COLUMN tenant_known_fingerprints.definition IS 'How tenantctl makes the schema again; trusted like a program';
