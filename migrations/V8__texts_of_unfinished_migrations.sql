-- A file that is corrected after it has failed goes on where it was only if what was done is what it still says.

ALTER TABLE tenant_unfinished_migrations ADD COLUMN texts varchar(80);

COMMENT ON COLUMN tenant_unfinished_migrations.texts IS 'Hashes of the statements before that one, and of itself';
