-- tenantctl backup, form 1
-- manifest 2525 sha256 5eab105796edac8889194ca8bbddbcafacb37410459f08bff73876277dfccae3
--| {"mark":"tenantctl5a2288a07d3c487794edc5f66ae52359","tenantctl":"0.1.0","server_version":"15.18 (Debian 15.18-0+deb12u1)","database":"seedy","taken_at":"2026-11-22T04:33:32.900790238Z","schema":"tenant_acme","tenant":{"id":"90090ef3-57a6-4233-b934-b677b6210015","slug":"acme","name":"acme","domain":null,"plan":"basic","region":null,"is_active":true,"metadata":{},"schema_version":1,"created_at":"2026-11-22T04:33:32.769325Z"},"fingerprint":"2.2563ea606bda52b28791aab2278f843a","definition":{"script":{"before_rows":[{"what":"table people","text":"CREATE TABLE people (\n    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME people_id_seq START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 NO CYCLE),\n    name text NOT NULL,\n    since date\n)"},{"what":"table refinery_schema_history","text":"CREATE TABLE refinery_schema_history (\n    version bigint NOT NULL,\n    name character varying(255),\n    applied_on character varying(255),\n    checksum character varying(255)\n)"},{"what":"table notes","text":"CREATE TABLE notes (\n    person bigint NOT NULL,\n    body text\n)"}],"after_rows":[{"what":"constraint people_pkey ON people","text":"ALTER TABLE ONLY people ADD CONSTRAINT people_pkey PRIMARY KEY (id)"},{"what":"constraint refinery_schema_history_pkey ON refinery_schema_history","text":"ALTER TABLE ONLY refinery_schema_history ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version)"},{"what":"foreign key notes_person_fkey ON notes","text":"ALTER TABLE ONLY notes ADD CONSTRAINT notes_person_fkey FOREIGN KEY (person) REFERENCES people(id) ON DELETE CASCADE"},{"what":"owner SCHEMA \u0001schema\u0001","text":"ALTER SCHEMA \u0001schema\u0001 OWNER TO tenantctl"},{"what":"owner TABLE notes","text":"ALTER TABLE notes OWNER TO tenantctl"},{"what":"owner TABLE people","text":"ALTER TABLE people OWNER TO tenantctl"},{"what":"owner TABLE refinery_schema_history","text":"ALTER TABLE refinery_schema_history OWNER TO tenantctl"}],"refreshes":[]},"tables":[{"name":"notes","columns":"person, body","values":"person, body","identifiers":[],"sequences":[]},{"name":"people","columns":"id, name, since","values":"id, name, since","identifiers":[],"sequences":["people_id_seq"]},{"name":"refinery_schema_history","columns":"version, name, applied_on, checksum","values":"version, name, applied_on, checksum","identifiers":[],"sequences":[]}],"left_out":[],"sequences":["SELECT pg_catalog.setval('people_id_seq', 3, 't')"],"refers_outside":true,"unclear":[]},"notes":[]}
--
-- tenant acme of database seedy, 2026-11-22T04:33:32.900790238Z
-- With its row of the registry: tenantctl restore FILE
-- The schema alone: zstd -dc FILE | psql
--
BEGIN;
SET LOCAL client_encoding = 'UTF8';
SET LOCAL statement_timeout = 0;
SET LOCAL lc_monetary = 'C';
CREATE SCHEMA "tenant_acme";
SET LOCAL search_path = "tenant_acme", pg_catalog;
SET LOCAL check_function_bodies = off;
SET LOCAL client_min_messages = warning;
SET LOCAL default_tablespace = '';
SET LOCAL default_table_access_method = heap;
SET LOCAL row_security = off;
SET LOCAL xmloption = content;
SET LOCAL datestyle = iso;
SET LOCAL intervalstyle = postgres;
SET LOCAL standard_conforming_strings = on;
CREATE TABLE people (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME people_id_seq START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 NO CYCLE),
    name text NOT NULL,
    since date
);
CREATE TABLE refinery_schema_history (
    version bigint NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255)
);
CREATE TABLE notes (
    person bigint NOT NULL,
    body text
);
-- tenantctl5a2288a07d3c487794edc5f66ae52359 rows 0
COPY notes (person, body) FROM STDIN;
1	first
1	two\nlines
\.

-- tenantctl5a2288a07d3c487794edc5f66ae52359 rows 1
COPY people (id, name, since) FROM STDIN;
1	Ada	2026-01-01
2	Grace	\N
3	a\tb\\	\N
\.

-- tenantctl5a2288a07d3c487794edc5f66ae52359 rows 2
COPY refinery_schema_history (version, name, applied_on, checksum) FROM STDIN;
1	people	2026-11-22T04:33:32.575661164Z	3219848720745523379
\.

ALTER TABLE ONLY people ADD CONSTRAINT people_pkey PRIMARY KEY (id);
ALTER TABLE ONLY refinery_schema_history ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version);
ALTER TABLE ONLY notes ADD CONSTRAINT notes_person_fkey FOREIGN KEY (person) REFERENCES people(id) ON DELETE CASCADE;
ALTER SCHEMA tenant_acme OWNER TO tenantctl;
ALTER TABLE notes OWNER TO tenantctl;
ALTER TABLE people OWNER TO tenantctl;
ALTER TABLE refinery_schema_history OWNER TO tenantctl;
SELECT pg_catalog.setval('people_id_seq', 3, 't');
COMMIT;
-- tenantctl5a2288a07d3c487794edc5f66ae52359 end
-- table 0 rows 2 sha256 230aa652b9776bf25b7b3dda0a04a8d37ac855cf97b034d4998ce6e3c67dbfeb
-- table 1 rows 3 sha256 803e7461ba2fae6871a3a4d14cba2d6f9856f59dac2e0a0b82ee743f3c3036cf
-- table 2 rows 1 sha256 98440ad8302f9fc7e8e70258a05b562db7c485c5108afe32d464c4b84815a643
-- text sha256 abeefbf76de41159305ceef610b8ae18ead785060300cfac47e0ddc09fec5d1b
-- end of tenantctl backup
