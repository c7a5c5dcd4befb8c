-- Constraints of every kind, with names that are long, odd or given by PostgreSQL.
SELECT CASE WHEN :SERVER_VERSION_NUM >= 150000 THEN 'NULLS NOT DISTINCT' ELSE '' END AS one_null \gset
SELECT CASE WHEN :SERVER_VERSION_NUM >= 150000 THEN '(d, e)' ELSE '' END AS of_de \gset
SELECT CASE WHEN :SERVER_VERSION_NUM >= 150000 THEN '(c)' ELSE '' END AS of_c \gset
CREATE TABLE public.countries (code char(2) PRIMARY KEY, name text UNIQUE);
CREATE TABLE "a name of more than sixty-three bytes, which PostgreSQL cuts off here" (
    "a column so long that its constraints' names are cut, number 1" integer PRIMARY KEY CHECK ("a column so long that its constraints' names are cut, number 1" > 0),
    "a column so long that its constraints' names are cut, number 2" integer UNIQUE CHECK ("a column so long that its constraints' names are cut, number 2" > 0)
);
CREATE TABLE abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_123456789 (
    abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_12345678a bigserial UNIQUE,
    abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_12345678b integer UNIQUE,
    CHECK (abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_12345678a > 0),
    CHECK (abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_12345678b > 0),
    CHECK (abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_12345678b > 1)
);

CREATE FUNCTION is_fine(integer, text DEFAULT 'x') RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 > 0 $$;
CREATE TABLE checked (
    a integer CHECK (a > 0), b integer, c text, d text,
    CHECK (a <> b), CONSTRAINT "with Space" CHECK (is_fine(b)), CONSTRAINT by_name CHECK (is_fine(a, c)),
    CONSTRAINT not_inherited CHECK (c IS DISTINCT FROM d) NO INHERIT, CHECK (false OR NOT (a IS NULL AND b IS NULL)),
    CHECK ((a, b) > (1, 2)), CHECK (c ~ '^[a-z]+\d$'), CHECK (c LIKE E'a\\_%' ESCAPE E'\\'), CHECK (a IN (1, 2, 3)), CHECK (a BETWEEN SYMMETRIC 9 AND 1),
    CHECK (c COLLATE "C" < 'x'), CHECK (row(a, b) IS NOT NULL), CHECK (COALESCE(a, b, 3) > NULLIF(b, 2))
);
ALTER TABLE checked ADD CONSTRAINT later CHECK (a < 1000) NOT VALID;
ALTER TABLE checked ADD CONSTRAINT validated CHECK (a < 2000) NOT VALID;
ALTER TABLE checked VALIDATE CONSTRAINT validated;
CREATE TABLE checked_child () INHERITS (checked);

CREATE TABLE keys (
    a integer, b integer, c integer NOT NULL, d integer, e integer, f integer, g text, span tsrange, room integer, box box,
    CONSTRAINT "The Key" PRIMARY KEY (b, a) INCLUDE (c) WITH (fillfactor = 55) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (c), UNIQUE (d, e) DEFERRABLE, UNIQUE :one_null (f) INCLUDE (g), CONSTRAINT soon UNIQUE (g, a) DEFERRABLE INITIALLY IMMEDIATE,
    EXCLUDE USING gist (span WITH &&),
    CONSTRAINT overlapping EXCLUDE USING gist (box WITH &&, (box * point(2, 1)) WITH ~=) WITH (fillfactor = 44) WHERE (a > 0 AND g <> 'x') DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT as_btree EXCLUDE (room WITH =, lower(g) COLLATE "C" text_pattern_ops DESC NULLS LAST WITH =) INCLUDE (f)
);
CREATE UNIQUE INDEX made_before ON keys (e DESC);
DROP INDEX made_before;
CREATE UNIQUE INDEX made_before ON keys (e);
ALTER TABLE keys ADD CONSTRAINT from_an_index UNIQUE USING INDEX made_before;
CREATE UNIQUE INDEX just_an_index ON keys (a, c);
ALTER TABLE keys CLUSTER ON "The Key";

CREATE TABLE target (id integer PRIMARY KEY, other integer UNIQUE, x integer, y integer, z integer, UNIQUE (x, y, z));
CREATE UNIQUE INDEX target_by_index ON target (y, x);
CREATE TABLE source (
    a integer REFERENCES target, b integer REFERENCES target (other) ON DELETE CASCADE ON UPDATE SET NULL,
    c integer, d integer, e integer, code char(2) REFERENCES public.countries ON UPDATE CASCADE,
    FOREIGN KEY (c, d, e) REFERENCES target (x, y, z) MATCH FULL ON DELETE SET DEFAULT,
    CONSTRAINT some_columns FOREIGN KEY (c, d, e) REFERENCES target (x, y, z) ON DELETE SET NULL :of_de,
    CONSTRAINT some_default FOREIGN KEY (e, d, c) REFERENCES target (x, y, z) ON DELETE SET DEFAULT :of_c,
    CONSTRAINT other_order FOREIGN KEY (d, c) REFERENCES target (y, x) ON DELETE RESTRICT,
    CONSTRAINT at_the_end FOREIGN KEY (a) REFERENCES target DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT maybe_later FOREIGN KEY (a) REFERENCES target DEFERRABLE
);
ALTER TABLE source ADD CONSTRAINT unproven FOREIGN KEY (b) REFERENCES target NOT VALID;
ALTER TABLE source ADD CONSTRAINT to_the_name FOREIGN KEY (code) REFERENCES public.countries (code) MATCH FULL NOT VALID;

CREATE TABLE tree (id integer PRIMARY KEY, parent integer REFERENCES tree ON DELETE CASCADE, root integer NOT NULL REFERENCES tree DEFERRABLE);
CREATE TABLE egg (id integer PRIMARY KEY, hen integer);
CREATE TABLE hen (id integer PRIMARY KEY, egg integer NOT NULL REFERENCES egg, cock integer);
CREATE TABLE cock (id integer PRIMARY KEY, hen integer REFERENCES hen, egg integer REFERENCES egg);
ALTER TABLE egg ADD FOREIGN KEY (hen) REFERENCES hen INITIALLY DEFERRED;
ALTER TABLE hen ADD FOREIGN KEY (cock) REFERENCES cock;

CREATE TABLE many (id integer UNIQUE, CHECK (id > 1), CHECK (id > 2), CHECK (id > 3), CONSTRAINT many_id_key1 CHECK (id > 4));
ALTER TABLE many ADD UNIQUE (id);
ALTER TABLE many RENAME CONSTRAINT many_id_check TO "re'named";
-- From outside: not of the schema, and not to be copied.
CREATE TABLE public.looks_in (id integer REFERENCES target);
