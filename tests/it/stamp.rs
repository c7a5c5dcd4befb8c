//! Whether a schema changed while it was read: every change of a definition is noticed, and nothing else is.

use tenantctl::blueprint::{is_unchanged, read, stamp_now};
use tenantctl::db::{Db, SchemaName};

use crate::library::pool_of_one;
use crate::support::Database;

const SCHEMA: &str = "
    CREATE SCHEMA tenant_template; SET search_path = tenant_template;
    CREATE TABLE t (id serial PRIMARY KEY, a integer CHECK (a > 0), b text); CREATE TABLE child () INHERITS (t);
    CREATE TABLE other (LIKE t); CREATE VIEW v AS SELECT id FROM t; CREATE SEQUENCE s;
    CREATE MATERIALIZED VIEW m AS SELECT a FROM t; CREATE UNIQUE INDEX m_a ON m (a);
    ALTER TABLE t ALTER a SET NOT NULL; CREATE UNIQUE INDEX t_a ON t (a);
    CREATE FUNCTION f(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER fired BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fired();
    CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING; CREATE POLICY p ON t USING (a = 1);
    CREATE TYPE e AS ENUM ('x'); CREATE TYPE c AS (a integer); CREATE DOMAIN d AS text CONSTRAINT short CHECK (length(VALUE) < 9);
    CREATE FUNCTION of_c(c) RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE CAST (c AS bigint) WITH INOUT;
    CREATE FUNCTION to_c(integer) RETURNS c LANGUAGE sql AS 'SELECT ROW(1)::c'; CREATE CAST (integer AS c) WITH FUNCTION to_c(integer);
    CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = f);
    CREATE OPERATOR FAMILY fam USING btree; CREATE STATISTICS st ON a, b FROM t;
    CREATE COLLATION coll FROM \"C\"; CREATE TEXT SEARCH CONFIGURATION conf (COPY = simple);
    CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple);
    CREATE CONVERSION conv FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
    CREATE FOREIGN DATA WRAPPER fdw; CREATE SERVER server FOREIGN DATA WRAPPER fdw;
    CREATE FOREIGN TABLE foreign_t (a integer) SERVER server;
    CREATE OPERATOR CLASS opc FOR TYPE e USING btree AS STORAGE e;
    CREATE TEXT SEARCH PARSER parse (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
    CREATE TEXT SEARCH TEMPLATE temp (LEXIZE = dsimple_lexize)";

/// Each leaves something to see in one catalog at most.
const CHANGES: &[&str] = &[
    "COMMENT ON SCHEMA tenant_template IS 'x'",
    "COMMENT ON TABLE t IS 'x'",
    "COMMENT ON COLUMN v.id IS 'x'",
    "COMMENT ON CONSTRAINT t_a_check ON t IS 'x'",
    "COMMENT ON INDEX t_a IS 'x'",
    "COMMENT ON TRIGGER fired ON t IS 'x'",
    "COMMENT ON POLICY p ON t IS 'x'",
    "COMMENT ON RULE quiet ON t IS 'x'",
    "COMMENT ON FUNCTION fired() IS 'x'",
    "COMMENT ON TYPE e IS 'x'",
    "COMMENT ON CONSTRAINT short ON DOMAIN d IS 'x'",
    "COMMENT ON CONSTRAINT short ON DOMAIN d IS NULL",
    "COMMENT ON CAST (c AS bigint) IS 'x'",
    "COMMENT ON CAST (integer AS c) IS 'x'",
    "COMMENT ON OPERATOR ===(integer, integer) IS 'x'",
    "COMMENT ON STATISTICS st IS 'x'",
    "COMMENT ON COLLATION coll IS 'x'",
    "COMMENT ON FUNCTION fired() IS NULL",
    "GRANT USAGE ON SCHEMA tenant_template TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA tenant_template GRANT SELECT ON TABLES TO PUBLIC",
    "ALTER OPERATOR ===(integer, integer) SET (RESTRICT = eqsel)",
    "ALTER OPERATOR FAMILY fam USING btree ADD OPERATOR 1 <(integer, bigint), FUNCTION 1 btint48cmp(integer, bigint)",
    "CREATE CAST (c AS integer) WITH FUNCTION of_c(c)",
    "ALTER STATISTICS st SET STATISTICS 7",
    "ALTER TABLE t CLUSTER ON t_a",
    "ALTER TABLE t REPLICA IDENTITY USING INDEX t_a",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass",
    "ALTER SEQUENCE s INCREMENT BY 3",
    "ALTER SEQUENCE s OWNED BY other.a",
    "ALTER COLLATION coll RENAME TO coll_2",
    "ALTER CONVERSION conv RENAME TO conv_2",
    "ALTER TEXT SEARCH CONFIGURATION conf DROP MAPPING FOR word",
    "ALTER TEXT SEARCH DICTIONARY dict (ACCEPT = false)",
    "ALTER FOREIGN TABLE foreign_t OPTIONS (ADD a 'x')",
    "ALTER TYPE e ADD VALUE 'y'",
    "ALTER DOMAIN d ADD CHECK (VALUE <> '')",
    "ALTER TABLE t ALTER a SET DEFAULT 3",
    "GRANT SELECT (a) ON t TO PUBLIC",
    "CREATE OR REPLACE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE id > 1",
    "ALTER TABLE t DISABLE RULE quiet",
    "ALTER TABLE t DISABLE TRIGGER fired",
    "ALTER POLICY p ON t USING (a = 2)",
    "ALTER TABLE t SET (fillfactor = 70)",
    "ALTER TABLE t RENAME CONSTRAINT t_a_check TO other_check",
    "ALTER DOMAIN d SET DEFAULT 'x'",
    "ALTER OPERATOR FAMILY fam USING btree RENAME TO fam_2",
    "ALTER OPERATOR CLASS opc USING btree RENAME TO opc_2",
    "ALTER TEXT SEARCH CONFIGURATION conf RENAME TO conf_2",
    "ALTER TEXT SEARCH PARSER parse RENAME TO parse_2",
    "ALTER TEXT SEARCH TEMPLATE temp RENAME TO temp_2",
    // The next ANALYZE notes that there are no more children.
    "ALTER TABLE child NO INHERIT t",
];

/// What leaves the definition as it is.
const NO_CHANGE: &str = "INSERT INTO other VALUES (1, 1, 'x'); SELECT nextval('s'); ANALYZE other, t";

async fn run(db: &Db, sql: &str) {
    let session = db.direct().await.expect("a session");
    let sql = format!("SET search_path = tenant_template; {sql}");
    session
        .script(&sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test]
async fn every_change_of_a_schema_is_noticed() {
    let database = Database::empty();
    database.sql(SCHEMA);
    let db = pool_of_one(&database);
    let name = SchemaName::new("tenant_template").expect("a valid name");
    let stamp = async || stamp_now(&db, &name).await.expect("an answer").expect("a stamp");
    let mut missed = Vec::new();
    let mut before = stamp().await;
    for change in CHANGES {
        run(&db, NO_CHANGE).await;
        assert_eq!(stamp().await, before, "before {change}");
        run(&db, change).await;
        let after = stamp().await;
        if after == before {
            missed.push(*change);
        }
        before = after;
    }
    assert_eq!(missed, [""; 0]);
}

#[tokio::test]
async fn a_blueprint_is_what_it_was_until_something_changes() {
    let database = Database::empty();
    database.sql(SCHEMA);
    let db = pool_of_one(&database);
    let name = SchemaName::new("tenant_template").expect("a valid name");
    let mut session = db.direct().await.expect("a session");
    let blueprint = read(&mut session, None, &name).await.expect("read");
    drop(session);
    for (sql, is_same) in [(NO_CHANGE, true), (CHANGES[0], false)] {
        run(&db, sql).await;
        let mut session = db.direct().await.expect("a session");
        let answer = is_unchanged(&mut session, &blueprint).await;
        assert_eq!(answer.expect("an answer"), is_same, "{sql}");
    }
}
