-- The schema's name as data and in the names of other things: only references to the schema follow to a clone.
CREATE TYPE labels AS ENUM ('tenant_template', 'of tenant_template', 'x');
CREATE TABLE data (
    id serial, a text DEFAULT 'tenant_template.data is a word', b labels DEFAULT 'of tenant_template',
    c regclass DEFAULT 'tenant_template.data'::regclass, d text DEFAULT 'tenant_template.data'::text,
    CHECK (a <> 'not tenant_template'), note text DEFAULT $$"tenant_template"."data"$$
);
CREATE TABLE tenant_templates (tenant_template_id serial, old_tenant_template text);
CREATE VIEW words AS SELECT 'in tenant_template'::text AS word, id FROM data WHERE a LIKE 'tenant_template.%';
CREATE FUNCTION in_atomic() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT 'an atomic tenant_template' AS word FROM data; END;
CREATE FUNCTION triggered() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON data FOR EACH ROW EXECUTE FUNCTION triggered('an argument tenant_template');
COMMENT ON TABLE data IS 'data of tenant_template, see "tenant_template".data';
COMMENT ON COLUMN data.a IS 'the word tenant_template alone';
