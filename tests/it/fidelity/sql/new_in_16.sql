-- What PostgreSQL 16 brought. Before that there is only a table.
CREATE TABLE things (id integer PRIMARY KEY, name text, doc jsonb, at timestamptz);
SELECT :SERVER_VERSION_NUM >= 160000 AS is_there \gset
\if :is_there
    CREATE COLLATION tailored (provider = icu, locale = 'und', rules = '&V << w <<< W');
    CREATE TABLE stored (
        word text STORAGE EXTERNAL COLLATE tailored, number integer DEFAULT 0x1F, many bigint DEFAULT 1_000_000,
        who text DEFAULT system_user, doc text CHECK (doc IS JSON OBJECT WITH UNIQUE KEYS)
    );
    CREATE INDEX ON stored (word COLLATE tailored DESC);
    CREATE TABLE doubled (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED);
    CREATE TABLE doubled_child () INHERITS (doubled);
    CREATE TABLE doubled_otherwise (b integer GENERATED ALWAYS AS (a + a) STORED) INHERITS (doubled);
    CREATE VIEW json_made AS SELECT JSON_OBJECT('id': id, 'name' VALUE name ABSENT ON NULL) AS object,
        JSON_ARRAY(id, name NULL ON NULL RETURNING jsonb) AS list, doc IS NOT JSON ARRAY AS is_none FROM things;
    CREATE VIEW json_gathered AS SELECT JSON_OBJECTAGG(name: id WITH UNIQUE KEYS) AS object, JSON_ARRAYAGG(name ORDER BY id) AS list,
        any_value(at) AS at FROM things GROUP BY doc;
    CREATE VIEW without_an_alias AS SELECT * FROM (SELECT id, name FROM things);
\endif
