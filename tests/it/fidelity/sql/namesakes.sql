-- Relations, columns and aliases that have the schema's own name: PostgreSQL then writes it before columns.
CREATE TABLE users (id integer PRIMARY KEY, tenant_template text);
CREATE TABLE tenant_template (
    id serial PRIMARY KEY, tenant_template integer CHECK (tenant_template > 0), users integer REFERENCES users,
    at timestamptz, note text DEFAULT 'tenant_template'
);
COMMENT ON COLUMN tenant_template.id IS 'Number';
COMMENT ON COLUMN tenant_template.tenant_template IS 'Namesake';
GRANT SELECT (id), UPDATE (tenant_template) ON tenant_template TO PUBLIC;
CREATE VIEW over AS
    SELECT tenant_template.id, tenant_template.users, tenant_template.tenant_template, u.tenant_template AS of_user,
           EXTRACT(year FROM tenant_template.at) AS year
      FROM tenant_template JOIN users u ON u.id = tenant_template.users;
CREATE VIEW aliased AS
    SELECT tenant_template.id, tenant_template.tenant_template AS word
      FROM users tenant_template WHERE tenant_template.id IS DISTINCT FROM 3;
CREATE VIEW nearer AS
    WITH users AS (SELECT 1 AS id)
    SELECT u.id, tenant_template.id AS own, users.id AS near
      FROM tenant_template.users u, users, tenant_template.tenant_template;
CREATE VIEW whole AS SELECT row_to_json(tenant_template.*) AS "row" FROM users tenant_template;
CREATE POLICY own ON tenant_template
    USING (EXISTS (SELECT 1 FROM users u WHERE u.id = tenant_template.users AND u.tenant_template = tenant_template.note));
CREATE RULE kept AS ON UPDATE TO tenant_template DO ALSO INSERT INTO users VALUES (new.tenant_template, new.note);
CREATE INDEX of_sum ON tenant_template ((tenant_template + id)) WHERE tenant_template > 1;
CREATE FUNCTION atomic(tenant_template integer) RETURNS bigint LANGUAGE sql
    BEGIN ATOMIC SELECT max(tenant_template.id) FROM tenant_template WHERE tenant_template.id > atomic.tenant_template; END;
CREATE FUNCTION of_row(tenant_template tenant_template) RETURNS integer LANGUAGE sql RETURN (of_row.tenant_template).id;
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER fired BEFORE UPDATE OF tenant_template ON tenant_template FOR EACH ROW
    WHEN (old.tenant_template <> new.tenant_template) EXECUTE FUNCTION fired();
CREATE VIEW tables_of_own AS SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'tenant_template';
