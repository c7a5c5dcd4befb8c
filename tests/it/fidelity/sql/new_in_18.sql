-- What PostgreSQL 18 brought. Before that there is only a table.
CREATE TABLE things (id integer PRIMARY KEY, name text);
SELECT :SERVER_VERSION_NUM >= 180000 AS is_there \gset
\if :is_there
    -- NOT NULL with names and states.
    CREATE TABLE filled (
        a integer CONSTRAINT "of a" NOT NULL, b integer NOT NULL NO INHERIT, c integer, d integer, e integer CONSTRAINT of_e NOT NULL NO INHERIT,
        f integer NOT NULL, g integer GENERATED ALWAYS AS IDENTITY (START 4), CONSTRAINT of_c NOT NULL c
    );
    ALTER TABLE filled ADD CONSTRAINT unproven NOT NULL d NOT VALID;
    ALTER TABLE filled RENAME f TO "renamed F";
    COMMENT ON CONSTRAINT "of a" ON filled IS 'a NOT NULL with a comment';
    CREATE TABLE child () INHERITS (filled);
    CREATE TABLE child_of_its_own (CONSTRAINT mine NOT NULL a, b integer CONSTRAINT "mine too" NOT NULL, own integer NOT NULL) INHERITS (filled);
    CREATE TABLE adopted (own integer, g integer NOT NULL, "renamed F" integer CONSTRAINT odd NOT NULL, e integer, d integer CONSTRAINT of_d NOT NULL,
        c integer NOT NULL, b integer, a integer NOT NULL);
    ALTER TABLE adopted INHERIT filled;
    CREATE TABLE key_of_its_own (PRIMARY KEY (c)) INHERITS (filled);
    CREATE TABLE became_so (a integer NOT NULL NO INHERIT, b integer);
    ALTER TABLE became_so ALTER CONSTRAINT became_so_a_not_null INHERIT, ADD PRIMARY KEY (b);
    CREATE TYPE pair AS (one integer, two integer);
    CREATE TABLE pairs OF pair (one WITH OPTIONS CONSTRAINT is_there NOT NULL, CONSTRAINT also NOT NULL two);
    CREATE TABLE parted (a integer CONSTRAINT of_parted NOT NULL, b integer, c integer) PARTITION BY LIST (a);
    CREATE TABLE parted_1 PARTITION OF parted (b CONSTRAINT of_one NOT NULL) FOR VALUES IN (1);
    CREATE TABLE parted_2 (c integer, b integer, a integer CONSTRAINT another NOT NULL);
    ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES IN (2);
    ALTER TABLE parted ADD CONSTRAINT not_yet NOT NULL c NOT VALID;

    -- Columns that are computed when they are read.
    CREATE TABLE computed (a integer, b text, twice integer GENERATED ALWAYS AS (a * 2), kept integer GENERATED ALWAYS AS (a * 3) STORED,
        long boolean GENERATED ALWAYS AS (length(b) > 9) VIRTUAL NOT NULL, CHECK (twice > 0));
    CREATE TABLE computed_child (more integer) INHERITS (computed);
    CREATE TABLE computed_otherwise (twice integer GENERATED ALWAYS AS (a + a) VIRTUAL) INHERITS (computed);
    CREATE TABLE computed_parts (a integer, b integer GENERATED ALWAYS AS (a + 1)) PARTITION BY LIST (a);
    CREATE TABLE computed_parts_1 PARTITION OF computed_parts FOR VALUES IN (1);
    CREATE VIEW on_computed AS SELECT twice, long FROM computed;

    -- Keys over time.
    CREATE TABLE rooms (room int4range, during daterange, spare daterange, CONSTRAINT rooms_key PRIMARY KEY (room, during WITHOUT OVERLAPS),
        UNIQUE (room, spare WITHOUT OVERLAPS));
    CREATE TABLE stays (guest integer, room int4range, during daterange,
        CONSTRAINT stays_room FOREIGN KEY (room, PERIOD during) REFERENCES rooms (room, PERIOD during),
        FOREIGN KEY (room, PERIOD during) REFERENCES rooms (room, PERIOD spare) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE rooms_by_kind (kind int4range, during daterange, PRIMARY KEY (kind, during WITHOUT OVERLAPS)) PARTITION BY LIST (kind);
    CREATE TABLE rooms_single PARTITION OF rooms_by_kind FOR VALUES IN ('[1,2)');
    ALTER TABLE rooms REPLICA IDENTITY FULL;

    -- Constraints that are said and not enforced, and foreign keys of partitioned tables that are not proven.
    CREATE TABLE said (a integer CHECK (a > 0) NOT ENFORCED, thing integer, other integer,
        CONSTRAINT of_a_thing FOREIGN KEY (thing) REFERENCES things ON DELETE CASCADE NOT ENFORCED,
        CONSTRAINT kept CHECK (other > 0) NO INHERIT NOT ENFORCED, FOREIGN KEY (other) REFERENCES things DEFERRABLE ENFORCED);
    CREATE TABLE said_child () INHERITS (said);
    CREATE TABLE said_in_parts (a integer CHECK (a < 9) NOT ENFORCED, thing integer REFERENCES things NOT ENFORCED, later integer) PARTITION BY LIST (a);
    CREATE TABLE said_in_parts_1 PARTITION OF said_in_parts FOR VALUES IN (1);
    CREATE TABLE said_in_parts_2 (a integer CONSTRAINT said_in_parts_a_check CHECK (a < 9) ENFORCED, thing integer, later integer);
    ALTER TABLE said_in_parts ATTACH PARTITION said_in_parts_2 FOR VALUES IN (2);
    ALTER TABLE said_in_parts ADD CONSTRAINT unproven FOREIGN KEY (later) REFERENCES things NOT VALID;
    ALTER TABLE things ADD CONSTRAINT once_enforced CHECK (id > 0), ADD CONSTRAINT no_longer FOREIGN KEY (id) REFERENCES things;
    ALTER TABLE things ALTER CONSTRAINT no_longer NOT ENFORCED;

    CREATE COLLATION fast (provider = builtin, locale = 'PG_UNICODE_FAST');
    CREATE TABLE tokens (id uuid DEFAULT uuidv7() PRIMARY KEY, word text COLLATE fast);
    CREATE INDEX ON tokens (casefold(word));
    CREATE FUNCTION swapped(integer, text) RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC
        UPDATE things SET name = $2 WHERE id = $1 RETURNING WITH (OLD AS before, NEW AS after) before.name || after.name;
    END;
    CREATE VIEW things_seen AS SELECT id, name FROM things;
    CREATE RULE add AS ON INSERT TO things_seen DO INSTEAD INSERT INTO things (id, name) VALUES (NEW.id, NEW.name) RETURNING id, name;
\endif
