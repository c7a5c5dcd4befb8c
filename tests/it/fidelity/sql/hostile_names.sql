-- Names that break whoever quotes carelessly, and names that PostgreSQL's own objects have.
CREATE TABLE "select" ("from" integer PRIMARY KEY, "where" text, "user" name, "Order" integer, "a b" text, "ünï ☃" text, "1st" integer, "$1" integer, "a""b" text, "a'b" text, "a\b" text, "a.b" text, "a;b--c" text, "%s{}" text);
CREATE TABLE "UPPER" ("ID" serial, "Group" integer REFERENCES "select" ("from"));
CREATE TABLE upper (id serial);
CREATE TABLE U&"new\000aline" (U&"col\000aumn" integer UNIQUE, U&"tab\0009" text CHECK (U&"tab\0009" <> E'new\nline'));
CREATE TABLE "quo""te" ("quo""te" integer PRIMARY KEY, CHECK ("quo""te" > 1));
CREATE TABLE "apo'strophe" (id serial, "it's" integer REFERENCES "quo""te");
CREATE TABLE "back\slash" ("back\slash" serial, "\" text DEFAULT '\');
CREATE TABLE "dot.ted.name" ("do.t" integer GENERATED ALWAYS AS IDENTITY);
CREATE TABLE "-- comment" ("/* x */" integer, "*/" integer, CONSTRAINT "$$" CHECK ("/* x */" > 0));
CREATE TABLE "; DROP SCHEMA public; --" ("); DROP TABLE x; --" integer DEFAULT 3);
CREATE TABLE "größe_的表_таблица_🐘" ("straße" serial PRIMARY KEY, "列" text DEFAULT '值');
CREATE TABLE "sixty-three bytes with umlauts öäüöäüöäüöäüöäüöäüöäü 6" (a serial);
CREATE TABLE abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk (abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk serial PRIMARY KEY CHECK (abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk > 0));
CREATE TABLE " " (" " integer, "  " integer);
CREATE TYPE "Enum's ""Type""" AS ENUM ('it''s', '"', '\', '', ' ', U&'new\000aline', '☃', 'a,b', '{}');
CREATE TYPE "a;b" AS ("x;y" "Enum's ""Type""", "select" integer);
CREATE DOMAIN "do main" AS "Enum's ""Type""" CONSTRAINT "con'straint" CHECK (VALUE <> 'it''s') DEFAULT '\';
CREATE TABLE of_types (a "Enum's ""Type""" DEFAULT '"', b "a;b"[], c "do main", d "Enum's ""Type"""[] DEFAULT '{it''s,"\""}');
CREATE SEQUENCE "seq'uence""\";
CREATE TABLE of_sequence (a bigint DEFAULT nextval('"seq''uence""\"'), b regclass DEFAULT '"quo""te"'::regclass, c text DEFAULT '"quo""te"'::text);
CREATE FUNCTION "fun'c""tion\"("arg'1" integer, "arg""2" "a;b" DEFAULT NULL, "select" text DEFAULT 'x''\') RETURNS "a;b" LANGUAGE plpgsql AS $$ BEGIN RETURN "arg""2"; END $$;
CREATE FUNCTION "SELECT"("from" integer) RETURNS integer LANGUAGE sql RETURN "SELECT"."from" + 1;
CREATE VIEW "vi""ew's" AS SELECT "from" AS "Fr""om", "where" AS "order", "a""b", "a'b", "a\b" AS "\", "SELECT"(1) AS "SELECT" FROM "select" AS "al""ias" WHERE "user" = 'it''s' OR "a b" = E'\\';
CREATE INDEX "in'd""ex\" ON "select" ("a'b", ("a""b" || "a\b")) WHERE "1st" > 0;
CREATE TRIGGER "tri'g""ger" BEFORE UPDATE OF "a""b", "a'b" ON "select" FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE RULE "ru'l""e" AS ON DELETE TO "select" DO ALSO DELETE FROM "quo""te" WHERE "quo""te"."quo""te" = OLD."from";
CREATE POLICY "pol'i""cy" ON "select" USING ("user" = 'a''b');
CREATE STATISTICS "stat'i""stics" ON "a'b", "a""b" FROM "select";
CREATE FUNCTION "="("a;b", "a;b") RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR <@#%> (LEFTARG = "a;b", RIGHTARG = "a;b", FUNCTION = "=");
COMMENT ON COLUMN "select"."a'b" IS 'it''s \ "x" $$';
COMMENT ON FUNCTION "fun'c""tion\"(integer, "a;b", text) IS 'x';
COMMENT ON CONSTRAINT "con'straint" ON DOMAIN "do main" IS 'y';

-- Names of pg_catalog: it is searched first, so these are meant only where they are qualified.
CREATE TABLE pg_class (oid integer PRIMARY KEY, relname text);
CREATE TABLE pg_type (typname text);
CREATE TYPE text AS ENUM ('a', 'b');
CREATE DOMAIN integer AS pg_catalog.int8;
CREATE TYPE "int4" AS (x pg_catalog.int4);
CREATE DOMAIN name AS pg_catalog.text;
CREATE DOMAIN "timestamp with time zone" AS pg_catalog.date;
CREATE DOMAIN "varchar" AS pg_catalog.varchar(7);
CREATE TABLE shadows (a tenant_template.text DEFAULT 'a', b tenant_template.integer, c tenant_template."int4", d pg_catalog.text, e pg_catalog.int4, f tenant_template.name[], g "timestamp with time zone", h tenant_template."varchar");
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now()';
CREATE FUNCTION abs(pg_catalog.int4) RETURNS pg_catalog.int4 LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION lower(tenant_template.text) RETURNS pg_catalog.text LANGUAGE sql IMMUTABLE AS 'SELECT ''x''';
CREATE FUNCTION nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE FUNCTION count(pg_catalog.int4) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE FUNCTION int4larger_too(a pg_catalog.int4, b pg_catalog.int4) RETURNS pg_catalog.int4 LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE AGGREGATE max(pg_catalog.int4) (SFUNC = tenant_template.int4larger_too, STYPE = pg_catalog.int4);
CREATE FUNCTION always(a pg_catalog.int4, b pg_catalog.int4) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR = (LEFTARG = pg_catalog.int4, RIGHTARG = pg_catalog.int4, FUNCTION = always);
CREATE OPERATOR + (LEFTARG = pg_catalog.int4, RIGHTARG = pg_catalog.int4, FUNCTION = int4larger_too);
CREATE COLLATION "C" FROM pg_catalog."POSIX";
CREATE TEXT SEARCH CONFIGURATION english (PARSER = pg_catalog."default");
CREATE TEXT SEARCH DICTIONARY simple (TEMPLATE = pg_catalog.simple);
CREATE TABLE of_shadows (
    id pg_catalog.int4 DEFAULT tenant_template.abs(1), at timestamptz DEFAULT tenant_template.now(), at_2 timestamptz DEFAULT now(), n bigint DEFAULT tenant_template.nextval('"seq''uence""\"'),
    c pg_catalog.text COLLATE tenant_template."C", d pg_catalog.text COLLATE "C", conf regconfig DEFAULT 'tenant_template.english', conf_2 regconfig DEFAULT 'english',
    CHECK (id OPERATOR(tenant_template.=) 3 AND id = 3), CHECK (tenant_template.abs(id) > abs(id)), class regclass DEFAULT 'pg_class'::regclass, class_2 regclass DEFAULT 'tenant_template.pg_class'::regclass
);
CREATE INDEX ON of_shadows (tenant_template.abs(id), abs(id), (id OPERATOR(tenant_template.+) 1), (id + 1));
CREATE VIEW both_of AS SELECT c.oid, o.relname, tenant_template.now() AS own, now() AS built_in, tenant_template.max(o.oid) AS m, tenant_template.count(1) AS n
    FROM pg_class c JOIN tenant_template.pg_class o ON o.oid OPERATOR(tenant_template.=) 1 GROUP BY 1, 2;
CREATE FUNCTION uses(pg_catalog.text, tenant_template.text) RETURNS SETOF tenant_template.pg_class LANGUAGE sql BEGIN ATOMIC SELECT * FROM tenant_template.pg_class WHERE oid OPERATOR(tenant_template.=) 1 OR oid = 2; END;
