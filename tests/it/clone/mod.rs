//! `clone`: what is copied, and that the copy is made altogether or not at all.

mod data;
mod interplay;

use crate::support::{Database, Judge};

#[test]
fn clone_copies_the_schema_and_the_rows() {
    let database = Database::with_tenants(&["acme"]);
    add_users(&database, "acme", 3);
    let run = database.run(&["clone", "acme", "copy"]).success();
    insta::assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    SLUG  SCHEMA       TABLES  ROWS
    copy  tenant_copy       9     7
    --- stderr
    ");
    assert_eq!(
        database.sql("SELECT string_agg(name, ' ' ORDER BY name) FROM tenant_copy.users"),
        "user 1 user 2 user 3"
    );
    Judge::new(database.url())
        .with_data()
        .expect_faithful("tenant_acme", "tenant_copy");
    assert_eq!(
        database.sql(
            "SELECT command || ' ' || slug || ' ' || details::text FROM tenant_operations o \
             JOIN tenant_operation_results r ON r.operation_id = o.id WHERE command = 'clone'"
        ),
        r#"clone copy {"from": "acme", "schema_only": false}"#
    );
}

#[test]
fn clone_answers_in_json_and_csv_with_the_rows_of_each_table() {
    let database = Database::with_tenants(&["acme"]);
    add_users(&database, "acme", 2);
    let json = database
        .run(&["clone", "acme", "copy", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["version"], 1);
    assert_eq!(json["from"], "acme");
    assert_eq!(json["tenant"]["slug"], "copy");
    assert_eq!(json["tenant"]["schema"], "tenant_copy");
    assert_eq!(json["schema_only"], false);
    let rows = |table: &str| {
        let tables = json["tables"].as_array().expect("a list");
        let found = tables.iter().find(|row| row["table"] == table);
        found.map(|row| row["rows"].clone())
    };
    assert_eq!(rows("users"), Some(2.into()));
    assert_eq!(rows("sessions"), Some(0.into()));
    assert_eq!(json["rows"], 6);
    let csv = database
        .run(&["clone", "acme", "other", "-o", "csv"])
        .success()
        .stdout;
    assert!(csv.starts_with("slug,schema,table,rows\n"), "{csv}");
    assert!(csv.contains("\nother,tenant_other,users,2\n"), "{csv}");
}

#[test]
fn plan_region_and_metadata_are_the_originals_unless_they_are_given() {
    let database = Database::new();
    let create = ["create", "acme", "--plan", "pro", "--region", "eu", "--metadata"];
    let more = [r#"{"crm": 42}"#, "--domain", "acme.example", "--name", "Acme"];
    database.run(&[&create[..], &more].concat()).success();
    database.run(&["clone", "acme", "one"]).success();
    let flags = [
        "--plan",
        "free",
        "--region",
        "us",
        "--metadata",
        "{}",
        "--name",
        "Two",
    ];
    let domain = ["--domain", "two.example"];
    database
        .run(&[&["clone", "acme", "two"], &flags[..], &domain].concat())
        .success();
    assert_eq!(
        database.sql(
            "SELECT slug, name, domain, subscription_plan, region, metadata, status FROM tenants ORDER BY slug"
        ),
        "acme|Acme|acme.example|pro|eu|{\"crm\": 42}|active\n\
         one|one||pro|eu|{\"crm\": 42}|active\n\
         two|Two|two.example|free|us|{}|active"
    );
}

#[test]
fn the_copy_is_at_the_originals_version_and_has_its_fingerprint() {
    let database = Database::with_tenants(&["acme"]);
    database.run(&["clone", "acme", "one"]).success();
    database.sql("UPDATE tenants SET schema_version = NULL, schema_fingerprint = NULL WHERE slug = 'one'");
    database.run(&["clone", "one", "two"]).success();
    assert_eq!(
        database.sql(
            "SELECT count(*), count(DISTINCT (schema_version, schema_fingerprint)) FROM tenants \
             WHERE schema_version = 4 AND slug <> 'one'"
        ),
        "2|1"
    );
}

#[test]
fn schema_only_copies_the_history_and_the_reference_tables_and_no_other_rows() {
    let database = Database::with_tenants(&["acme"]);
    add_users(&database, "acme", 3);
    database.sql(
        "CREATE TABLE tenant_acme.countries (id serial PRIMARY KEY, name text); \
         INSERT INTO tenant_acme.countries (name) VALUES ('one'), ('two')",
    );
    let run = database
        .run(&["clone", "acme", "plain", "--schema-only"])
        .success();
    insta::assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    SLUG   SCHEMA        TABLES  ROWS
    plain  tenant_plain       1     4
    --- stderr
    ");
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("tenantctl.toml");
    std::fs::write(&config, "[template]\nreference_tables = ['countries']\n").expect("written");
    let config = config.to_str().expect("UTF-8");
    database
        .run(&["clone", "acme", "listed", "--schema-only", "--config", config])
        .success();
    assert_eq!(
        database.sql(
            "SELECT (SELECT count(*) FROM tenant_plain.countries), (SELECT count(*) FROM tenant_listed.countries), \
             (SELECT count(*) FROM tenant_listed.users), (SELECT count(*) FROM tenant_plain.refinery_schema_history), \
             nextval('tenant_listed.countries_id_seq'), nextval('tenant_plain.countries_id_seq')"
        ),
        "0|2|0|4|3|1"
    );
    let judge = Judge::new(database.url());
    judge.expect_faithful("tenant_acme", "tenant_plain");
    judge.expect_faithful("tenant_acme", "tenant_listed");
    database
        .run(&["clone", "plain", "more", "--schema-only"])
        .success();
    std::fs::write(
        folder.path().join("tenantctl.toml"),
        "[template]\nreference_tables = ['nope']\n",
    )
    .expect("written");
    database
        .run(&["clone", "acme", "bad", "--schema-only", "--config", config])
        .exits(2)
        .says("schema `tenant_acme` has no table `nope`");
}

#[test]
fn clone_dry_run_changes_nothing() {
    let database = Database::with_tenants(&["acme"]);
    add_users(&database, "acme", 3);
    let before = database.state();
    let run = database.run(&["clone", "acme", "copy", "--dry-run"]).success();
    insta::assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    SLUG  SCHEMA       TABLES  ROWS
    copy  tenant_copy       9     7
    --- stderr
    dry run: nothing was changed
    ");
    let json = database
        .run(&["clone", "acme", "copy", "--dry-run", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["tenant"], serde_json::Value::Null);
    assert_eq!(json["dry_run"], true);
    assert_eq!(database.state(), before);
    assert_eq!(
        database.sql("SELECT count(*) FROM tenant_operations WHERE command = 'clone'"),
        "0"
    );
    database.run(&["clone", "acme", "acme-2", "--dry-run"]).success();
    database
        .run(&["clone", "acme", "acme"])
        .exits(2)
        .says("`acme` cannot be a copy of itself");
}

#[test]
fn what_cannot_be_is_refused_with_the_exit_code_of_create() {
    let database = Database::with_tenants(&["acme", "globex", "a-b"]);
    database.sql(
        "CREATE SCHEMA tenant_precious; UPDATE tenants SET domain = 'globex.example' WHERE slug = 'globex'",
    );
    let before = database.state();
    let cases: [(&[&str], i32, &str); 12] = [
        (&["clone", "acme"], 2, "required"),
        (&["clone", "acem", "copy"], 2, "did you mean `acme`?"),
        (&["clone", "acme", "Copy"], 2, "use `copy` instead"),
        (&["clone", "acme", "template"], 2, "the template's schema"),
        (&["clone", "acme", "globex"], 1, "tenant `globex` already exists"),
        (
            &["clone", "acme", "globex", "--dry-run"],
            1,
            "choose another slug",
        ),
        (&["clone", "acme", "a_b"], 1, "already belongs to another tenant"),
        (
            &["clone", "acme", "a_b", "--dry-run"],
            1,
            "already belongs to another tenant",
        ),
        (
            &["clone", "acme", "copy", "--domain", "Globex.example", "--dry-run"],
            1,
            "domain `Globex.example` already belongs to another tenant",
        ),
        (
            &["clone", "acme", "precious", "--dry-run"],
            1,
            "schema `tenant_precious` already exists",
        ),
        (&["clone", "a-b", "a_b"], 1, "already belongs to another tenant"),
        (
            &["clone", "acme", "precious"],
            1,
            "schema `tenant_precious` already exists",
        ),
    ];
    for (arguments, code, words) in cases {
        database.run(arguments).exits(code).says(words);
    }
    assert_eq!(database.state(), before);
    assert!(
        !database
            .run(&["clone", "acme", "globex"])
            .stderr
            .contains("--if-not-exists")
    );
}

#[test]
fn a_tenant_whose_schema_is_gone_cannot_be_copied() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    database
        .run(&["clone", "acme", "copy"])
        .exits(1)
        .says("schema `tenant_acme` does not exist");
    assert_eq!(database.state().0, "acme tenant_acme");
}

#[test]
fn a_suspended_tenant_can_be_copied_and_the_copy_is_active() {
    let database = Database::with_tenants(&["acme"]);
    database.run(&["suspend", "acme"]).success();
    database
        .run(&["clone", "acme", "copy"])
        .success()
        .says("`acme` is suspended; the copy is active");
    assert_eq!(
        database.sql("SELECT status FROM tenants WHERE slug = 'copy'"),
        "active"
    );
}

/// Users, numbered from 1.
fn add_users(database: &Database, slug: &str, count: u32) {
    database.sql(&format!(
        "INSERT INTO tenant_{slug}.users (email, name) \
         SELECT n || '@example.org', 'user ' || n FROM generate_series(1, {count}) n"
    ));
}

#[test]
fn a_registry_that_takes_no_row_is_said() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
         CREATE TRIGGER swallow BEFORE INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION swallow()",
    );
    let before = database.state();
    database
        .run(&["clone", "acme", "copy"])
        .exits(1)
        .says("`public.tenants` took no row for `copy`")
        .says("hint: a trigger");
    assert_eq!(database.state(), before);
}
