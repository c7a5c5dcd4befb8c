-- An extension in a template that has names of pg_catalog as well.
CREATE EXTENSION pg_trgm SCHEMA tenant_template;
CREATE TABLE t (id integer PRIMARY KEY, name text, doc pg_catalog.xml, at json DEFAULT '{}'::json, CHECK (similarity(name, 'x') >= 0));
CREATE VIEW xml AS SELECT doc::text AS "text", similarity(name, 'y') AS near FROM t WHERE doc::text <> '<a/>'::pg_catalog.xml::text;
CREATE DOMAIN json AS pg_catalog.text;
CREATE TABLE of_own (a tenant_template.json, b pg_catalog.json, c tenant_template.xml, d pg_catalog.xml);
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now()';
CREATE FUNCTION typed(a pg_catalog.xml, b tenant_template.json DEFAULT 'x') RETURNS pg_catalog.json LANGUAGE sql AS 'SELECT NULL::pg_catalog.json';
CREATE VIEW both_of AS SELECT tenant_template.now() AS own, now() AS built_in, '{}'::pg_catalog.json AS j, 'x'::tenant_template.json AS k, name % 'z' AS near FROM t;
CREATE INDEX by_name ON t USING gin (name gin_trgm_ops) WHERE id <> 3;
CREATE FUNCTION same(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR <> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = same);
CREATE VIEW compared AS SELECT id <> 1 AS built_in, id OPERATOR(tenant_template.<>) 1 AS own FROM t;
