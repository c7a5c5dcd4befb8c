-- Expressions that PostgreSQL prints in one form when they are new and in another when that form is read back.
CREATE TABLE t (id integer PRIMARY KEY, kind varchar(20) NOT NULL DEFAULT 'a', code char(3), n numeric, names varchar(9)[], at timestamptz,
    CONSTRAINT one CHECK (kind IN ('a', 'b', 'it''s, "ok"')), CONSTRAINT single CHECK (kind IN ('a')), CONSTRAINT negated CHECK (kind NOT IN ('x', 'y')),
    CONSTRAINT chars CHECK (code IN ('a', 'b')), CONSTRAINT by_any CHECK (kind = ANY (ARRAY['a', 'b'])), CONSTRAINT cast_any CHECK (kind::text = ANY (ARRAY['a', 'b'])),
    CONSTRAINT numbers CHECK (n IN (1, 2.5)), CONSTRAINT mixed CHECK (id IN (1, 2) OR (kind IN ('a', 'b') AND NOT (kind IN ('c', 'd')))), CONSTRAINT arrays CHECK (names <@ ARRAY['a', 'b']::varchar[]),
    CONSTRAINT all_of CHECK (kind <> ALL (ARRAY['p', 'q']::varchar[])), CONSTRAINT patterns CHECK (kind LIKE ANY (ARRAY['a%', 'b%'])));
CREATE INDEX ON t (id) WHERE kind IN ('a', 'b', 'c');
CREATE INDEX ON t ((kind IN ('a', 'b')), (CASE WHEN kind IN ('x', 'y') THEN 1 END)) WHERE code NOT IN ('a', 'b');
CREATE POLICY p ON t USING (kind IN ('a', 'b')) WITH CHECK (kind IN ('c', 'd') OR code IN ('a', 'b'));
CREATE VIEW v AS SELECT id, kind IN ('a', 'b') AS first, CASE WHEN kind IN ('c', 'd') THEN 'x' ELSE kind END AS second, kind || code AS both_of FROM t WHERE kind IN ('a', 'b') AND kind NOT IN ('e', 'f') AND at > '2020-01-01';
CREATE MATERIALIZED VIEW m AS SELECT id FROM t WHERE kind IN ('a', 'b');
CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.kind IN ('a', 'b') OR OLD.kind = 'c') EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE RULE r AS ON DELETE TO t WHERE OLD.kind IN ('a', 'b') DO INSTEAD NOTHING;
CREATE FUNCTION f(varchar) RETURNS boolean LANGUAGE sql RETURN $1 IN ('a', 'b');
CREATE DOMAIN d AS varchar(9) CHECK (VALUE IN ('a', 'b')) CHECK (VALUE NOT IN ('c'));
CREATE TABLE generated (kind varchar(9), is_a boolean GENERATED ALWAYS AS (kind IN ('a', 'b')) STORED);
CREATE STATISTICS s ON (kind IN ('a', 'b')), code FROM t;
CREATE TABLE excluded (kind varchar(9), n int4range, EXCLUDE USING gist (n WITH &&) WHERE (kind IN ('a', 'b')));
CREATE TABLE parted (kind varchar(9), CHECK (kind IN ('a', 'b'))) PARTITION BY LIST (kind);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN ('a', 'b');
CREATE VIEW unions AS SELECT id, NULL::integer AS n, NULL AS nothing FROM t UNION ALL SELECT NULL, 3, 'x' UNION SELECT 1, NULL::integer, NULL::text;
CREATE VIEW nested AS SELECT u.a, u.b FROM (SELECT 1 AS a, NULL::integer AS b UNION ALL SELECT NULL::integer, NULL::integer UNION ALL SELECT NULL::integer AS c, 3) u;
CREATE VIEW unnamed AS SELECT * FROM (SELECT 1, NULL::integer, now()::date UNION SELECT NULL::integer, 2, current_date) u (a, b, c);
CREATE VIEW in_exists AS SELECT id FROM t WHERE EXISTS (SELECT NULL::integer UNION SELECT 1) OR id IN (SELECT NULL::integer UNION ALL SELECT n::integer FROM t x);
CREATE VIEW with_cte AS WITH c AS (SELECT NULL::integer UNION SELECT 1), c2 AS (SELECT NULL::varchar(3), 'x'::bpchar) SELECT * FROM c, c2 AS q (x, y);
CREATE VIEW values_of AS SELECT * FROM (VALUES (1, NULL::text, 1.5), (NULL, 'x', 2)) v (a, b, c);
CREATE VIEW casts AS SELECT kind::varchar(3) AS a, kind::char(3) AS b, 'x'::varchar || kind AS c, n::numeric(5, 2) AS d, '1'::integer + '2'::bigint AS e, -1::integer AS f, (-1)::integer AS g, -(2 ^ 2) AS h, 1::bit(3) AS i, interval '1' year AS j,
    at::date AS k, date '2020-01-01' AS l, '{a,b}'::varchar[] = names AS m, (1.0)::double precision AS n_, 'NaN'::numeric AS o, '-5'::integer AS p, true::text AS q FROM t;
CREATE VIEW nulls AS SELECT COALESCE(NULL::integer, NULL, 1) AS a, CASE WHEN true THEN NULL ELSE NULL::text END AS b, ARRAY[NULL::integer, 1] AS c, ROW(NULL::integer, 'x')::text AS d, NULLIF(kind, 'a') AS e, (kind = 'a') IS NOT TRUE AS f FROM t;
CREATE VIEW precedence AS SELECT NOT id = 1 AND kind = 'a' OR id < 2 AS a, id - (1 - 2) - 3 AS b, (id + 1) * 2 AS c, id::text || 'a' || 1 AS d, - id AS e, @ id AS f, id BETWEEN 1 AND 3 AS g, NOT kind LIKE 'a%' AS h, (id = 1) = (n = 2) AS i, id IS NULL = true AS j FROM t;
CREATE FUNCTION without_names() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT 'a constant' FROM t; SELECT NULL::text UNION SELECT 'x'; END;
CREATE FUNCTION without_numbers() RETURNS SETOF integer LANGUAGE sql BEGIN ATOMIC SELECT 1 FROM t; SELECT NULL::integer WHERE EXISTS (SELECT 1::bigint); END;
