-- Sizes that were estimated do not compare with sizes of files, so a snapshot says which they are.
ALTER TABLE tenant_size_snapshots ADD COLUMN is_exact boolean NOT NULL DEFAULT true;

COMMENT ON COLUMN tenant_size_snapshots.is_exact IS 'Whether the sizes are those of files, and not the catalogs'' estimates';
