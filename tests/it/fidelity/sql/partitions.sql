-- Partitioned tables: each strategy, several levels, and what parents hand down to their partitions.
SELECT CASE WHEN :SERVER_VERSION_NUM >= 150000 THEN 'NULLS NOT DISTINCT' ELSE '' END AS one_null \gset
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := NEW.note || '!'; RETURN NEW; END $$;
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION bucket(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT n % 10 $$;
CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE kinds (id integer PRIMARY KEY);

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT now(), note text DEFAULT 'parent', amount numeric,
    kind integer REFERENCES kinds ON DELETE SET NULL, doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
    PRIMARY KEY (id, at), CHECK (amount >= 0), CONSTRAINT one_more CHECK (length(note) < 90)
) PARTITION BY RANGE (at);
CREATE TABLE events_2023 PARTITION OF events (note DEFAULT 'of 2023' NOT NULL, CONSTRAINT of_its_own CHECK (amount < 500))
    FOR VALUES FROM ('2023-01-01 00:00+00') TO ('2024-01-01 00:00+00') WITH (fillfactor = 60);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00')
    PARTITION BY LIST (id);
CREATE TABLE events_2024_1 PARTITION OF events_2024 FOR VALUES IN (1, 2);
CREATE TABLE events_2024_rest PARTITION OF events_2024 DEFAULT PARTITION BY HASH (at);
CREATE TABLE events_2024_rest_0 PARTITION OF events_2024_rest FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE events_2024_rest_1 PARTITION OF events_2024_rest FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE UNLOGGED TABLE events_2024_rest_2 PARTITION OF events_2024_rest FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2023-01-01 00:00+00');
CREATE TABLE events_rest PARTITION OF events DEFAULT;

-- A table that was something else before it was attached.
CREATE TABLE events_2025 (
    gone integer, note text COLLATE "default", amount numeric DEFAULT 7, doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
    at timestamptz NOT NULL, id bigint NOT NULL, kind integer,
    CONSTRAINT events_amount_check CHECK (amount >= 0), CONSTRAINT one_more CHECK (length(note) < 90)
);
ALTER TABLE events_2025 DROP gone;
CREATE UNIQUE INDEX "own pkey" ON events_2025 (id, at);
ALTER TABLE events_2025 ADD CONSTRAINT "own pkey name" PRIMARY KEY USING INDEX "own pkey";
ALTER TABLE events_2025 ADD CONSTRAINT own_fkey FOREIGN KEY (kind) REFERENCES kinds ON DELETE SET NULL;
CREATE INDEX own_by_note ON events_2025 (note);
ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01 00:00+00') TO (MAXVALUE);
ALTER TABLE events_2025 REPLICA IDENTITY FULL;

CREATE INDEX events_by_note ON events (note);
CREATE INDEX events_by_expression ON events (lower(note), bucket(kind)) WHERE amount > 1;
CREATE UNIQUE INDEX events_unique ON events (at, amount, id) INCLUDE (note) :one_null WITH (fillfactor = 66);
CREATE INDEX only_parent ON ONLY events (kind);
CREATE INDEX part_of_it ON events_old (kind);
ALTER INDEX only_parent ATTACH PARTITION part_of_it;
CREATE INDEX on_one_partition ON events_2023 (amount);
ALTER INDEX events_by_expression ALTER COLUMN 1 SET STATISTICS 33;
ALTER TABLE events ALTER note SET STATISTICS 12, ALTER amount SET STORAGE EXTERNAL;
ALTER TABLE events_2023 ALTER note SET STORAGE EXTERNAL, ALTER kind SET STATISTICS 99, ALTER amount SET DEFAULT 1;
ALTER TABLE events_2024_1 ALTER note DROP DEFAULT;
ALTER TABLE events_old CLUSTER ON events_old_pkey;

-- Foreign keys from and to partitioned tables, and to one partition.
CREATE TABLE readers (event bigint, at timestamptz, FOREIGN KEY (event, at) REFERENCES events (id, at) ON UPDATE CASCADE);
CREATE TABLE of_one (event bigint, at timestamptz, CONSTRAINT "to one" FOREIGN KEY (event, at) REFERENCES events_2023 DEFERRABLE);
ALTER TABLE events ADD previous bigint, ADD previous_at timestamptz;
ALTER TABLE events ADD CONSTRAINT to_itself FOREIGN KEY (previous, previous_at) REFERENCES events ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE events_old ADD CONSTRAINT one_way FOREIGN KEY (kind) REFERENCES kinds ON UPDATE CASCADE NOT VALID;

-- Triggers that partitions inherit, and partitions that go their own way.
CREATE TRIGGER before_row BEFORE INSERT OR UPDATE OF note ON events FOR EACH ROW WHEN (NEW.amount > 1) EXECUTE FUNCTION touch('a', 'b');
CREATE TRIGGER after_row AFTER DELETE ON events FOR EACH ROW EXECUTE FUNCTION look();
CREATE TRIGGER after_statement AFTER INSERT ON events REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION look();
CREATE CONSTRAINT TRIGGER at_the_end AFTER UPDATE ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION look();
CREATE TRIGGER of_one_partition BEFORE DELETE ON events_2023 FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE events_2023 DISABLE TRIGGER before_row;
ALTER TABLE events_2024_1 ENABLE ALWAYS TRIGGER after_row;
ALTER TABLE events_old ENABLE REPLICA TRIGGER before_row;
ALTER TABLE ONLY events DISABLE TRIGGER at_the_end;
CREATE TRIGGER all_disabled AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION look();
ALTER TABLE events DISABLE TRIGGER all_disabled;

CREATE TABLE by_expression (n integer, c colour, t text COLLATE "C") PARTITION BY RANGE (bucket(n), c, t COLLATE "POSIX" text_pattern_ops);
CREATE TABLE by_expression_1 PARTITION OF by_expression FOR VALUES FROM (0, 'red', 'a') TO (5, 'green', MINVALUE);
CREATE TABLE by_expression_2 PARTITION OF by_expression FOR VALUES FROM (5, 'green', MINVALUE) TO (MAXVALUE, MAXVALUE, MAXVALUE);
CREATE TABLE by_list (c colour, b boolean, note text) PARTITION BY LIST (c);
CREATE TABLE by_list_warm PARTITION OF by_list FOR VALUES IN ('red');
CREATE TABLE by_list_cold PARTITION OF by_list FOR VALUES IN ('green', 'blue') PARTITION BY LIST (b);
CREATE TABLE by_list_cold_true PARTITION OF by_list_cold FOR VALUES IN (true);
CREATE TABLE by_text (t text) PARTITION BY LIST (t);
CREATE TABLE "by text's" PARTITION OF by_text FOR VALUES IN ('it''s', E'back\\slash', '', NULL);
CREATE TABLE by_hash (a integer, b text) PARTITION BY HASH (a, b);
CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE without_partitions (id integer PRIMARY KEY, d date DEFAULT '2020-01-02') PARTITION BY LIST (id);
CREATE INDEX ON without_partitions (d);
CREATE TABLE detached PARTITION OF by_list FOR VALUES IN (NULL);
ALTER TABLE by_list DETACH PARTITION detached;

CREATE VIEW events_seen AS SELECT id, note FROM events GROUP BY id, at;
COMMENT ON TABLE events_2024_rest_1 IS 'a leaf';
COMMENT ON INDEX events_2023_note_idx IS 'of a partition';
COMMENT ON CONSTRAINT events_pkey ON events IS 'the key';
