//! Indexes, constraints and rows.

use super::{health, health_with, of, one};
use crate::support::{Database, Fleet, psql};

#[test]
fn an_index_that_was_not_finished_is_found() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let schemas = ["tenant_acme", "tenant_globex", "public"];
    for schema in schemas {
        database.sql(&format!("CREATE TABLE {schema}.twice (a int)"));
        database.sql(&format!("INSERT INTO {schema}.twice VALUES (1), (1)"));
        let index = format!("CREATE UNIQUE INDEX CONCURRENTLY twice_a_key ON {schema}.twice (a)");
        psql(database.url(), &index).expect_err("not unique");
    }
    let found = one(&health(&database).success(), "index-invalid");
    assert_eq!(found.severity, "warning");
    assert_eq!(
        found.summary,
        "index twice_a_key of twice is invalid in 2 tenants"
    );
    assert_eq!(
        (found.tenants, found.schemas),
        (
            vec!["acme".to_owned(), "globex".to_owned()],
            vec!["public".to_owned()]
        )
    );
    for schema in schemas {
        database.sql(&format!("DELETE FROM {schema}.twice"));
    }
    for statement in &found.run {
        database.sql(statement);
    }
    assert!(of(&health(&database), "index-invalid").is_empty());
}

#[test]
fn an_index_that_hardly_any_tenant_uses_is_found() {
    let fleet = Fleet::new(10);
    fleet.file(
        "V2__indexes.sql",
        "CREATE INDEX customers_name_idx ON customers (name); CREATE INDEX orders_amount_idx ON orders (amount);",
    );
    fleet.migrate(&["--all"]).success();
    assert!(of(&health_with(fleet.program(), &[]), "index-unused").is_empty());
    for slug in fleet.slugs(10) {
        fleet.sql(&format!(
            "SET search_path = tenant_{slug}; SET enable_seqscan = off; SET enable_bitmapscan = off; \
             INSERT INTO customers SELECT n, 'name ' || n FROM generate_series(1, 1200) n; \
             INSERT INTO orders SELECT n, 1, n FROM generate_series(1, 1200) n; \
             SELECT count(*) FROM customers WHERE id = 7; SELECT count(*) FROM orders WHERE amount = 7"
        ));
    }
    let use_it = |slug: &str| {
        fleet.sql(&format!(
            "SET enable_seqscan = off; SET enable_bitmapscan = off; \
             SELECT count(*) FROM tenant_{slug}.customers WHERE name = 'name 7'"
        ))
    };
    use_it("t03");
    let run = health_with(fleet.program(), &[]).success();
    let found = one(&run, "index-unused");
    assert_eq!(found.severity, "note");
    assert!(
        found
            .summary
            .starts_with("index customers_name_idx of customers is unused in 9 of 10 tenants; it takes "),
        "{}",
        found.summary
    );
    assert_eq!(found.tenants.len(), 9);
    assert!(!found.tenants.contains(&"t03".to_owned()));
    use_it("t04");
    assert!(of(&health_with(fleet.program(), &[]), "index-unused").is_empty());
}

#[test]
fn indexes_that_are_there_twice_are_found() {
    let database = Database::with_tenants(&["acme", "globex"]);
    for schema in ["tenant_acme", "tenant_globex"] {
        database.sql(&format!(
            "SET search_path = {schema}; CREATE TABLE d (a int UNIQUE, b text); \
             CREATE INDEX d_again ON d (a); CREATE INDEX d_lower ON d (lower(b)); CREATE INDEX   d_low  ON d  (lower( b )); \
             CREATE INDEX d_upper ON d (upper(b)); CREATE INDEX d_part ON d (a) WHERE a > 1; \
             CREATE INDEX d_desc ON d (a DESC); CREATE INDEX d_hash ON d USING hash (a); CREATE INDEX d_more ON d (a) INCLUDE (b)"
        ));
    }
    let run = health(&database).success();
    let found = of(&run, "index-duplicate");
    let summaries: Vec<&str> = found.iter().map(|found| found.summary.as_str()).collect();
    assert_eq!(
        summaries,
        [
            "index d_again of d is the same as d_a_key in 2 tenants",
            "index d_lower of d is the same as d_low in 2 tenants"
        ]
    );
    assert_eq!(found[0].tenants, ["acme", "globex"]);
    assert_eq!(
        found[0].run[1],
        "-- with: DROP INDEX CONCURRENTLY IF EXISTS \"d_again\";"
    );
}

#[test]
fn indexes_that_look_alike_and_do_other_things_are_not_found() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "SET search_path = tenant_acme; CREATE TABLE d (a int NOT NULL, b int NOT NULL); \
         CREATE UNIQUE INDEX d_plain ON d (a); ALTER TABLE d ADD CONSTRAINT d_late UNIQUE (a) DEFERRABLE; \
         CREATE UNIQUE INDEX d_first ON d (b); CREATE UNIQUE INDEX d_identity ON d (b); \
         ALTER TABLE d REPLICA IDENTITY USING INDEX d_identity; \
         DO $$ BEGIN IF current_setting('server_version_num')::int >= 150000 THEN \
             ALTER TABLE d ADD c int; CREATE UNIQUE INDEX d_nulls ON d (c); \
             EXECUTE 'CREATE UNIQUE INDEX d_no_nulls ON d (c) NULLS NOT DISTINCT'; \
         END IF; END $$",
    );
    let found = of(&health(&database), "index-duplicate");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_is_said_of_partitioned_indexes_can_be_done() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "SET search_path = tenant_acme; CREATE TABLE d (a int) PARTITION BY LIST (a); \
         CREATE TABLE d_1 PARTITION OF d FOR VALUES IN (1); CREATE INDEX d_one ON d (a); CREATE INDEX d_two ON d (a); \
         CREATE INDEX d_half ON ONLY d (a, (a + 1))",
    );
    let run = health(&database);
    let twice = one(&run, "index-duplicate");
    assert_eq!(
        twice.run,
        [
            "tenantctl new drop_d_two",
            "-- with: DROP INDEX IF EXISTS \"d_two\";"
        ]
    );
    database.sql(&format!(
        "SET search_path = tenant_acme; {}",
        twice.run[1].trim_start_matches("-- with: ")
    ));
    assert_eq!(
        one(&run, "index-invalid").run,
        ["ALTER INDEX tenant_acme.d_half ATTACH PARTITION …; -- for each partition that lacks it"]
    );
}

#[test]
fn constraints_that_were_not_validated_are_found() {
    let database = Database::with_tenants(&["acme", "globex"]);
    for schema in ["tenant_acme", "tenant_globex"] {
        database.sql(&format!(
            "SET search_path = {schema}; ALTER TABLE users ADD CONSTRAINT users_long CHECK (length(name) < 99) NOT VALID; \
             CREATE DOMAIN short AS text; ALTER DOMAIN short ADD CONSTRAINT short_check CHECK (length(value) < 9) NOT VALID"
        ));
    }
    let found = of(&health(&database).success(), "constraint-not-validated");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[0].summary,
        "constraint short_check of short is not validated in 2 tenants"
    );
    assert_eq!(
        found[0].run,
        ["ALTER DOMAIN \"short\" VALIDATE CONSTRAINT \"short_check\";"]
    );
    assert_eq!(found[1].tenants, ["acme", "globex"]);
    let sql = found[1].run[0].trim_end_matches(';').to_owned();
    database
        .run(&["exec", "--all", "--write", "--yes", "--sql", &sql])
        .success();
    assert_eq!(of(&health(&database), "constraint-not-validated").len(), 1);
}

#[test]
fn dead_rows_and_tables_never_vacuumed_are_found() {
    let database = Database::with_tenants(&["acme", "globex"]);
    for (schema, rows) in [("tenant_acme", 20_000), ("tenant_globex", 15_000)] {
        database.sql(&format!(
            "SET search_path = {schema}; CREATE TABLE events (n int) WITH (autovacuum_enabled = off); \
             INSERT INTO events SELECT generate_series(1, {rows})"
        ));
    }
    let run = health(&database).success();
    let untouched = one(&run, "never-vacuumed");
    assert_eq!(untouched.severity, "note");
    assert_eq!(
        untouched.summary,
        "events, with 35,000 rows, was never vacuumed in 2 tenants"
    );
    assert!(of(&run, "dead-rows").is_empty());

    database.sql("UPDATE tenant_acme.events SET n = n + 1");
    let run = health(&database).success();
    let dead = one(&run, "dead-rows");
    assert_eq!(dead.severity, "warning");
    assert_eq!(
        dead.summary,
        "20,000 of 40,000 rows of events are dead in 1 tenant"
    );
    assert_eq!(dead.tenants, ["acme"]);
    assert_eq!(dead.run, ["VACUUM (ANALYZE) tenant_acme.events;"]);
    for statement in untouched.run {
        database.sql(&statement);
    }
    let run = health(&database).success();
    assert!(
        of(&run, "dead-rows").is_empty() && of(&run, "never-vacuumed").is_empty(),
        "{}",
        run.stdout
    );
}

#[test]
fn statements_that_are_shown_hold_where_names_are_keywords() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "SET search_path = tenant_acme; CREATE TABLE \"order\" (\"end\" int); \
         ALTER TABLE \"order\" ADD CONSTRAINT \"check\" CHECK (\"end\" > 0) NOT VALID; \
         CREATE INDEX \"table\" ON \"order\" (\"end\"); CREATE INDEX \"user\" ON \"order\" (\"end\")",
    );
    let run = health(&database).success();
    let statement = one(&run, "constraint-not-validated").run.remove(0);
    database.sql(&format!("SET search_path = tenant_acme; {statement}"));
    let statement = one(&run, "index-duplicate").run.remove(1);
    let statement = statement
        .trim_start_matches("-- with: ")
        .replace(" CONCURRENTLY", "");
    database.sql(&format!("SET search_path = tenant_acme; {statement}"));
    let run = health(&database).success();
    for check in ["constraint-not-validated", "index-duplicate"] {
        assert!(of(&run, check).is_empty(), "{}", run.stdout);
    }
}
