-- Objects that need one another: no order of kinds makes them.
CREATE TABLE a (id integer PRIMARY KEY, n integer, total integer);
CREATE FUNCTION row_total(a) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.n';
CREATE FUNCTION some_row() RETURNS a LANGUAGE sql STABLE AS 'SELECT * FROM a LIMIT 1';
ALTER TABLE a ALTER total SET DEFAULT row_total(ROW(1, 2, 3)::a), ADD CHECK (row_total(a.*) > 0);
CREATE INDEX ON a (row_total(a.*));
CREATE VIEW va AS SELECT id, n FROM a WHERE row_total(a.*) > 1;
CREATE FUNCTION reads_view(integer) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT 1 FROM va WHERE id = $1)';
CREATE FUNCTION reads_view_atomic(i integer) RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC SELECT EXISTS (SELECT 1 FROM va WHERE id = i); END;
ALTER TABLE a ADD CONSTRAINT by_view CHECK (reads_view_atomic(id) OR reads_view(n));
CREATE POLICY by_view ON a USING (id IN (SELECT id FROM va) AND reads_view_atomic(n));

-- A view that reads a function whose body reads the view.
CREATE VIEW ouroboros AS SELECT 1 AS id, 'x'::text AS name;
CREATE FUNCTION bites() RETURNS SETOF ouroboros LANGUAGE sql BEGIN ATOMIC SELECT id, name FROM ouroboros; END;
CREATE FUNCTION bites_back(ouroboros) RETURNS text LANGUAGE sql RETURN $1.name;
CREATE OR REPLACE VIEW ouroboros AS SELECT b.id, b.name FROM bites() b;
CREATE VIEW two AS SELECT 1 AS id;
CREATE VIEW one AS SELECT id FROM two;
CREATE FUNCTION over_one() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM one; END;
CREATE OR REPLACE VIEW two AS SELECT over_one()::integer AS id;

-- A domain whose check reads a table with a column of that domain; a default that reads the table it belongs to.
CREATE DOMAIN code AS text;
CREATE TABLE codes (c code PRIMARY KEY);
CREATE FUNCTION is_code(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT 1 FROM codes WHERE c = $1)';
CREATE FUNCTION is_code_atomic(t text) RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC SELECT EXISTS (SELECT 1 FROM codes WHERE c = t::code); END;
ALTER DOMAIN code ADD CONSTRAINT known CHECK (is_code(VALUE));
ALTER DOMAIN code ADD CONSTRAINT known_too CHECK (is_code_atomic(VALUE)) NOT VALID;
CREATE TABLE lists (list code[]);
CREATE TABLE counters (id integer, n bigint);
CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT max(n) + 1 FROM counters; END;
ALTER TABLE counters ALTER n SET DEFAULT counted();
CREATE SEQUENCE ring;
CREATE TABLE rings (id bigint DEFAULT nextval('ring'));
ALTER SEQUENCE ring OWNED BY rings.id;

-- Types that hold one another.
CREATE TYPE node AS (id integer);
CREATE TABLE nodes (n node, list node[]);
CREATE TYPE edge AS (a node, t nodes);
CREATE TABLE edges (e edge, parent integer);
CREATE FUNCTION of_edges(edges) RETURNS nodes LANGUAGE sql RETURN ROW(NULL, NULL)::nodes;
CREATE DOMAIN some_nodes AS nodes CHECK ((VALUE).n IS NOT NULL);
CREATE TYPE span_of;
CREATE FUNCTION span_canonical(span_of) RETURNS span_of LANGUAGE internal IMMUTABLE STRICT AS 'int4range_canonical';
CREATE DOMAIN step AS integer CHECK (VALUE >= 0);
CREATE TYPE span_of AS RANGE (SUBTYPE = integer, CANONICAL = span_canonical);
CREATE TABLE spans (s span_of, EXCLUDE USING gist (s WITH &&));

-- Keys in a ring, a view grouped by one of them, a rule, a trigger and a policy over all.
CREATE TABLE x (id integer PRIMARY KEY, y integer, note text);
CREATE TABLE y (id integer PRIMARY KEY, x integer REFERENCES x);
ALTER TABLE x ADD FOREIGN KEY (y) REFERENCES y;
CREATE VIEW by_key AS SELECT x.id, x.note, count(y.id) AS n FROM x LEFT JOIN y ON y.x = x.id GROUP BY x.id;
CREATE VIEW by_key_again AS SELECT k.id, max(k.n) AS n FROM by_key k GROUP BY k.id;
CREATE FUNCTION of_keys() RETURNS SETOF by_key LANGUAGE sql BEGIN ATOMIC SELECT * FROM by_key; END;
CREATE RULE through AS ON UPDATE TO by_key DO INSTEAD UPDATE x SET note = NEW.note WHERE id IN (SELECT id FROM by_key_again);
CREATE FUNCTION on_x() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM * FROM by_key; RETURN NEW; END';
CREATE TRIGGER t BEFORE UPDATE ON x FOR EACH ROW WHEN (reads_view_atomic(NEW.id)) EXECUTE FUNCTION on_x();
CREATE MATERIALIZED VIEW kept AS SELECT k.id, k.note FROM of_keys() k WITH NO DATA;
CREATE FUNCTION of_kept(kept) RETURNS integer LANGUAGE sql IMMUTABLE RETURN $1.id;
CREATE INDEX ON kept (of_kept(kept.*));
