-- Foreign tables of wrappers without and with a handler.
CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER "Odd Server" FOREIGN DATA WRAPPER dummy OPTIONS (host 'x');
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TYPE mood AS ENUM ('a');
CREATE FOREIGN TABLE plain (id integer) SERVER "Odd Server";
CREATE FOREIGN TABLE full_of_options (
    id integer OPTIONS (column_name 'ID', "Odd Key" 'it''s') NOT NULL, m mood DEFAULT 'a', name varchar(9) OPTIONS (a 'b') COLLATE "C",
    g integer GENERATED ALWAYS AS (id + 1) STORED, CONSTRAINT positive CHECK (id > 0)
) SERVER "Odd Server" OPTIONS (table_name 'T', "schema" 'some''where', path E'a\\b');
ALTER FOREIGN TABLE full_of_options ALTER name SET STATISTICS 44, ALTER id SET (n_distinct = 5), ALTER name SET STORAGE EXTERNAL;
CREATE TRIGGER tr BEFORE INSERT ON full_of_options FOR EACH ROW EXECUTE FUNCTION f();
CREATE TABLE parent (id integer, a text) PARTITION BY LIST (id);
CREATE FOREIGN TABLE parent_1 PARTITION OF parent (a DEFAULT 'x') FOR VALUES IN (1) SERVER "Odd Server" OPTIONS (n '1');
ALTER FOREIGN TABLE parent_1 ALTER a OPTIONS (x 'y');
CREATE TABLE base (id integer);
CREATE FOREIGN TABLE child (extra text) INHERITS (base) SERVER "Odd Server";
CREATE VIEW v AS SELECT id, name FROM full_of_options;
GRANT SELECT ON full_of_options TO PUBLIC;
COMMENT ON FOREIGN TABLE full_of_options IS 'a foreign table';
COMMENT ON COLUMN full_of_options.id IS 'its column';
