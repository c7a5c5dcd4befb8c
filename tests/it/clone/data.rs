//! The rows of a copy, judged by `pg_dump`.

use crate::backup::Backups;
use crate::support::{Database, Judge, psql, run_script};

/// A database whose tenant `acme` holds every kind of data.
fn with_every_kind_of_data() -> Database {
    let database = Database::with_tenants(&["acme"]);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    load(&database, include_str!("data.sql"));
    database
}

/// Runs a script in `tenant_acme`, statement by statement.
fn load(database: &Database, sql: &str) {
    let sql = sql.replace("{schema}", "tenant_acme");
    run_script(database.url(), &sql).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_kind_of_data_is_in_the_copy() {
    let database = with_every_kind_of_data();
    let run = database.run(&["clone", "acme", "copy"]).success();
    Judge::new(database.url())
        .with_data()
        .expect_faithful("tenant_acme", "tenant_copy");
    // Generated columns and materialized views are in no dump.
    for query in [
        "SELECT string_agg(c || d, ' ' ORDER BY a) FROM {}.computed",
        "SELECT string_agg(z::text, ' ' ORDER BY team) FROM {}.z_first z",
        "SELECT string_agg(a::text, ' ' ORDER BY id) FROM {}.a_last a",
        "SELECT relispopulated FROM pg_class WHERE oid = '{}.empty'::regclass",
        "SELECT string_agg(tableoid::regclass::text || id, ' ' ORDER BY id) FROM {}.animals",
    ] {
        let of = |schema: &str| database.sql(&query.replace("{}", schema)).replace(schema, "");
        assert_eq!(of("tenant_copy"), of("tenant_acme"), "{query}");
    }
    run.says("identifiers of objects are copied as they are")
        .says("typed.o (tenant_acme.oids), typed.class (regclass[])");
}

#[test]
fn no_trigger_fires_and_no_rule_applies_while_rows_are_copied() {
    let database = with_every_kind_of_data();
    database.run(&["clone", "acme", "copy"]).success();
    assert_eq!(
        database.sql(
            "SELECT (SELECT count(*) FROM tenant_copy.marks), (SELECT count(*) FROM tenant_copy.swallowing), \
             (SELECT count(*) FROM tenant_copy.hidden), \
             (SELECT bool_and(updated_at = '2020-01-01') FROM tenant_copy.marked)"
        ),
        "0|2|2|t"
    );
}

#[test]
fn sequences_and_identity_go_on_where_the_originals_are() {
    let database = with_every_kind_of_data();
    database.run(&["clone", "acme", "copy"]).success();
    let next = |schema: &str| {
        database.sql(&format!(
            "INSERT INTO {schema}.counted (note) VALUES ('new') RETURNING id, always, by_default, \
             nextval('{schema}.free'), nextval('{schema}.never_used')"
        ))
    };
    assert_eq!(next("tenant_copy"), "41|380|41|14|5");
    assert_eq!(next("tenant_acme"), "41|380|41|14|5");
}

#[test]
fn a_copy_of_a_copy_is_the_same_again() {
    let database = with_every_kind_of_data();
    database.sql("UPDATE tenants SET schema_fingerprint = NULL");
    database.run(&["clone", "acme", "one"]).success();
    database.sql("UPDATE tenants SET schema_fingerprint = NULL WHERE slug = 'one'");
    database.run(&["clone", "one", "two"]).success();
    let judge = Judge::new(database.url()).with_data();
    judge.expect_faithful("tenant_acme", "tenant_two");
    assert_eq!(
        database.sql(
            "SELECT count(DISTINCT schema_fingerprint), count(schema_fingerprint) FROM tenants WHERE slug <> 'one'"
        ),
        "1|1"
    );
    assert_eq!(
        database
            .run(&["list", "-o", "csv"])
            .success()
            .stdout
            .lines()
            .count(),
        4
    );
}

#[test]
fn a_foreign_key_that_rows_break_is_named_and_nothing_is_left() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE TABLE tenant_acme.a (id int PRIMARY KEY); CREATE TABLE tenant_acme.b (a int REFERENCES tenant_acme.a); \
         SET session_replication_role = replica; INSERT INTO tenant_acme.b VALUES (7)",
    );
    let before = database.state();
    database
        .run(&["clone", "acme", "copy"])
        .exits(1)
        .says("creating foreign key b_a_fkey ON b in schema `tenant_copy`")
        .says("23503");
    assert_eq!(database.state(), before);
}

#[test]
fn a_table_whose_rows_cannot_be_copied_is_named_and_nothing_is_left() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE FUNCTION tenant_acme.calm() RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true'; \
         CREATE TABLE tenant_acme.a (id int CHECK (tenant_acme.calm())); INSERT INTO tenant_acme.a VALUES (1); \
         CREATE OR REPLACE FUNCTION tenant_acme.calm() RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT false'",
    );
    let before = database.state();
    database
        .run(&["clone", "acme", "copy"])
        .exits(1)
        .says("copying the rows of table a")
        .says("23514");
    assert_eq!(database.state(), before);
}

#[test]
fn a_materialized_view_that_cannot_be_filled_is_named() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE TABLE tenant_acme.a (n int); INSERT INTO tenant_acme.a VALUES (1); \
         CREATE MATERIALIZED VIEW tenant_acme.m AS SELECT 1 / n AS q FROM tenant_acme.a; \
         UPDATE tenant_acme.a SET n = 0",
    );
    database
        .run(&["clone", "acme", "copy"])
        .exits(1)
        .says("filling materialized view m")
        .says("division by zero");
    assert_eq!(database.state().0, "acme tenant_acme");
}

#[test]
fn a_role_that_would_see_only_some_rows_is_told_so() {
    let database = Database::with_tenants(&["acme"]);
    let role = format!("partly_{}", std::process::id());
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE \"{}\" TO {role}; \
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}; \
         DROP SCHEMA tenant_acme CASCADE; CREATE SCHEMA tenant_acme; ALTER SCHEMA tenant_acme OWNER TO {role}; \
         SET search_path = tenant_acme; CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2); \
         ALTER TABLE t OWNER TO {role}; ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY; \
         CREATE POLICY p ON t USING (id = 1)",
        database.name()
    ));
    let url = database.url().replacen("tenantctl@", &format!("{role}@"), 1);
    let clone = |arguments: &[&str]| database.program().env("DATABASE_URL", &url).run(arguments);
    let refused = clone(&["clone", "acme", "copy"]);
    let foreseen = clone(&["clone", "acme", "copy", "--dry-run"]);
    psql(
        database.url(),
        "ALTER TABLE tenant_acme.t NO FORCE ROW LEVEL SECURITY",
    )
    .expect("changed");
    let done = clone(&["clone", "acme", "copy"]);
    let rows = psql(database.url(), "SELECT count(*) FROM tenant_copy.t");
    database.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    refused
        .exits(1)
        .says("copying the rows of table t")
        .says("row-level security policy")
        .says("BYPASSRLS");
    foreseen.exits(1).says("row-level security policy");
    done.success();
    assert_eq!(rows.as_deref(), Ok("2"));
}

/// A materialized view is filled as its owner, whom the policies of a table of its own may keep from rows.
#[test]
fn a_materialized_view_over_forced_row_security_holds_what_its_owner_sees() {
    let database = Database::with_tenants(&["acme"]);
    let role = format!("forced_{}", std::process::id());
    database.sql(&format!(
        "CREATE ROLE {role}; GRANT ALL ON SCHEMA tenant_acme TO {role}; SET search_path = tenant_acme; \
         CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2); CREATE MATERIALIZED VIEW m AS SELECT id FROM t; \
         ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY; \
         CREATE POLICY p ON t USING (id = 1); ALTER TABLE t OWNER TO {role}; \
         ALTER MATERIALIZED VIEW m OWNER TO {role}; REFRESH MATERIALIZED VIEW m"
    ));
    let run = database.run(&["clone", "acme", "copy"]);
    let rows = psql(
        database.url(),
        "SELECT (SELECT count(*) FROM tenant_copy.t), (SELECT array_agg(id) FROM tenant_copy.m), \
         (SELECT array_agg(id) FROM tenant_acme.m)",
    );
    database.sql("DROP SCHEMA tenant_template CASCADE; ALTER SCHEMA tenant_acme RENAME TO tenant_template");
    let created = database.run(&["create", "empty"]);
    database.sql(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    run.success();
    created.success();
    assert_eq!(rows.as_deref(), Ok("2|{1}|{1}"));
}

#[test]
fn a_pool_of_one_connection_is_too_small_and_that_is_said_at_once() {
    let database = Database::with_tenants(&["acme"]);
    let before = database.state();
    database
        .program()
        .env("DATABASE_POOL_MAX", "1")
        .run(&["clone", "acme", "copy"])
        .exits(2)
        .says("`clone` needs two connections, and the pool has one")
        .says("pool_max");
    assert_eq!(database.state(), before);
}

/// Makes copies of `acme`, by `clone` and by a backup, and expects them to answer as it does.
fn expect_in_copies(database: Database, question: &str) {
    let backups = Backups::of(database);
    let file = backups.take("acme");
    let database = &backups.database;
    database.run(&["clone", "acme", "cloned"]).success();
    database.run(&["restore", &file, "--as", "restored"]).success();
    let answer = |slug: &str| database.sql(&question.replace("{schema}", &format!("tenant_{slug}")));
    let original = answer("acme");
    assert!(!original.is_empty());
    for copy in ["cloned", "restored"] {
        assert_eq!(answer(copy), original, "{copy}");
    }
}

#[test]
fn rows_older_than_a_column_keep_the_default_that_it_came_with() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "SET search_path = tenant_acme; CREATE TABLE grown (a int); INSERT INTO grown VALUES (1); \
         ALTER TABLE grown ADD b text DEFAULT 'old', ADD c timestamptz DEFAULT now(), ADD d int[] DEFAULT '{1,2}'; \
         ALTER TABLE grown ALTER b SET DEFAULT 'new', ALTER c DROP DEFAULT, ALTER d SET DEFAULT NULL; \
         INSERT INTO grown VALUES (2); ALTER TABLE grown DROP COLUMN a, ADD e int DEFAULT 5",
    );
    assert_eq!(
        database.sql("SELECT string_agg(b, ' ' ORDER BY b DESC) FROM tenant_acme.grown"),
        "old new"
    );
    let question = "INSERT INTO {schema}.grown DEFAULT VALUES; \
                    SELECT string_agg(g::text, ' ' ORDER BY g::text) FROM {schema}.grown g";
    expect_in_copies(database, question);
}

#[test]
fn the_triggers_of_foreign_keys_stay_in_the_states_that_they_are_in() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "SET search_path = tenant_acme; CREATE TABLE up (id int PRIMARY KEY); \
         CREATE TABLE down (a int CONSTRAINT replica REFERENCES up, b int CONSTRAINT always REFERENCES up, \
                            c int CONSTRAINT off_above REFERENCES up ON DELETE CASCADE, \
                            d int CONSTRAINT off_below REFERENCES up, e int CONSTRAINT usual REFERENCES up); \
         DO $$ DECLARE t record; BEGIN FOR t IN \
             SELECT tgrelid::regclass AS home, tgname, conname, tgrelid = confrelid AS is_above \
             FROM pg_trigger JOIN pg_constraint c ON c.oid = tgconstraint WHERE conrelid = 'down'::regclass LOOP \
             EXECUTE CASE WHEN t.conname = 'replica' THEN format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', t.home, t.tgname) \
                 WHEN t.conname = 'always' THEN format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.home, t.tgname) \
                 WHEN t.conname = CASE WHEN t.is_above THEN 'off_above' ELSE 'off_below' END \
                 THEN format('ALTER TABLE %s DISABLE TRIGGER %I', t.home, t.tgname) ELSE 'SELECT 1' END; \
         END LOOP; END $$",
    );
    let question = "SELECT string_agg(concat_ws(' ', conname, tgfoid::regproc, tgenabled), ', ' ORDER BY conname, tgfoid) \
                    FROM pg_trigger JOIN pg_constraint ON pg_constraint.oid = tgconstraint \
                    WHERE conrelid = '{schema}.down'::regclass";
    let states = database.sql(&question.replace("{schema}", "tenant_acme"));
    for state in ["R", "A", "D", "O"] {
        assert!(states.contains(&format!(" {state}")), "{states}");
    }
    expect_in_copies(database, question);
}
