-- Indexes: methods, expressions, predicates, operator classes and their parameters, statistics, state.
SELECT CASE WHEN :SERVER_VERSION_NUM >= 150000 THEN 'NULLS NOT DISTINCT' ELSE '' END AS one_null \gset
CREATE FUNCTION fold(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN lower(words);
CREATE TABLE items (
    id integer PRIMARY KEY WITH (fillfactor = 81), name text, code varchar(20), doc jsonb, tags text[], search tsvector, at timestamptz,
    place point, span int4range, address inet, price numeric, is_on boolean, note text COLLATE "POSIX", n integer, uuid uuid
);
CREATE INDEX ON items (name);
CREATE INDEX ON items (name, code DESC, at NULLS FIRST, n DESC NULLS LAST);
CREATE INDEX patterns ON items (name text_pattern_ops, code varchar_pattern_ops);
CREATE INDEX collated ON items (name COLLATE "C", note COLLATE "default", (name || 'x') COLLATE "POSIX" text_pattern_ops DESC);
CREATE INDEX by_function ON items (fold(name), (doc ->> 'a'), (price * 2), ((n + 1) % 3), (COALESCE(code, 'none')));
CREATE INDEX ON items (fold(name));
CREATE INDEX partial ON items (at) WHERE is_on AND fold(name) <> 'x' AND price IS NOT NULL;
CREATE UNIQUE INDEX ON items (code) INCLUDE (name, price) :one_null WHERE n > 0;
CREATE UNIQUE INDEX "Odd ""Name""" ON items (uuid) WITH (deduplicate_items = off, fillfactor = 42);
CREATE INDEX ON items USING hash (name) WITH (fillfactor = 33);
CREATE INDEX ON items USING gin (doc jsonb_path_ops) WITH (fastupdate = off, gin_pending_list_limit = 128);
CREATE INDEX ON items USING gin (doc, tags, to_tsvector('english', name));
CREATE INDEX ON items USING gin (to_tsvector('pg_catalog.simple'::regconfig, note));
CREATE INDEX with_parameters ON items USING gist (search tsvector_ops (siglen = 100)) INCLUDE (n) WITH (buffering = on, fillfactor = 70);
CREATE INDEX ON items USING gist (place, span, address inet_ops);
CREATE INDEX ON items USING spgist (place kd_point_ops);
CREATE INDEX ON items USING spgist (name) INCLUDE (n);
CREATE INDEX multi ON items USING brin (n int4_minmax_multi_ops (values_per_range = 16), at timestamptz_bloom_ops (n_distinct_per_range = 50, false_positive_rate = 0.05))
    WITH (pages_per_range = 7, autosummarize = on);
ALTER INDEX by_function ALTER COLUMN 1 SET STATISTICS 500;
ALTER INDEX by_function ALTER COLUMN 4 SET STATISTICS 0;
ALTER INDEX by_function RENAME TO "by_function renamed";
ALTER TABLE items CLUSTER ON collated;
CREATE MATERIALIZED VIEW summary AS SELECT code, count(*) AS n, max(name) AS top FROM items GROUP BY code;
CREATE UNIQUE INDEX ON summary (code);
CREATE INDEX on_summary ON summary (fold(top) DESC) INCLUDE (n) WHERE n > 1;
ALTER INDEX on_summary ALTER COLUMN 1 SET STATISTICS 10;
ALTER MATERIALIZED VIEW summary CLUSTER ON summary_code_idx;
CREATE TABLE duplicates (a integer, b integer);
CREATE INDEX ON duplicates (a);
CREATE INDEX ON duplicates (a);
CREATE INDEX ON duplicates (a);
CREATE INDEX ON duplicates ((a + b));
CREATE INDEX ON duplicates ((a + b), a, (a - b));
CREATE INDEX whole_row ON duplicates ((duplicates.* IS NOT NULL));
COMMENT ON INDEX patterns IS 'for LIKE';
COMMENT ON INDEX "Odd ""Name""" IS E'odd\ncomment';
