use std::fs;
use std::path::Path;

use crate::support::{Database, Program, Run, client, psql, wait_until};

/// A folder of migrations of the template.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, sql) in files {
        fs::write(folder.path().join(name), sql).expect("written");
    }
    folder
}

fn init_with(database: &Database, folder: &Path) -> Run {
    database.run(&["init", "--template-migrations", folder.to_str().expect("UTF-8")])
}

/// Everything in the template's schema, as psql's own tools would dump it.
fn definition(database: &Database) -> String {
    let output = client("pg_dump")
        .args(["--schema-only", "-n", "tenant_template", database.url()])
        .output()
        .expect("pg_dump is installed with the server");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let dump = String::from_utf8(output.stdout).expect("UTF-8");
    // Newer versions guard dumps with a random word.
    dump.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_template_built_by_psql_is_left_alone() {
    let database = Database::empty();
    database.sql("CREATE SCHEMA tenant_template CREATE TABLE users (id int PRIMARY KEY)");
    let before = definition(&database);
    let run = database.run(&["init"]).success();
    insta::assert_snapshot!(run.shown(), @"
    exit 0
    --- stdout
    registry is now at V8: 8 migrations applied (V1__registry, V2__known_fingerprints, V3__unfinished_migrations, V4__known_definitions, V5__size_snapshots, V6__cleanups, V7__light_bookkeeping, V8__texts_of_unfinished_migrations)
    template `tenant_template` is left as it is
    --- stderr
    schema `tenant_template` was built by other means than tenantctl's migrations; tenants are cloned from it as it is
    ");
    assert_eq!(definition(&database), before);
    let answer = database.run(&["init", "-o", "json"]).success().json();
    assert_eq!(
        answer["template"],
        serde_json::json!({
            "schema": "tenant_template", "managed": false, "left_as_is": true, "app": null, "version": null, "applied": [],
        })
    );
    let run = database
        .run(&["template", "status", "--check", "-o", "json"])
        .success();
    let template = &run.json()["template"];
    assert_eq!(
        (&template["managed"], &template["tables"]),
        (&false.into(), &1.into())
    );
}

#[test]
fn a_template_that_holds_no_table_but_a_function_is_left_alone_too() {
    let database = Database::empty();
    database.sql("CREATE SCHEMA tenant_template; CREATE FUNCTION tenant_template.f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    let answer = database.run(&["init", "-o", "json"]).success().json();
    assert_eq!(answer["template"]["managed"], false);
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'tenant_template'::regnamespace"),
        "0"
    );
}

#[test]
fn an_empty_schema_is_built_whatever_will_be_granted_in_it() {
    let database = Database::empty();
    database.sql(
        "CREATE SCHEMA tenant_template; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA tenant_template GRANT SELECT ON TABLES TO PUBLIC",
    );
    database
        .run(&["template", "status", "--check"])
        .exits(4)
        .says("schema `tenant_template` is empty; run `tenantctl init`");
    database.run(&["init"]).success();
    database.run(&["template", "status", "--check"]).success();
}

#[test]
fn status_says_why_the_template_has_no_history() {
    let database = Database::new();
    let says = |words: &str| {
        database.run(&["status", "--check"]).exits(4).says(words);
    };
    database.sql("DROP TABLE tenant_template.refinery_schema_history");
    says("warning: schema `tenant_template` was built by other means than tenantctl's migrations");
    database.sql("DROP SCHEMA tenant_template CASCADE");
    says("warning: there is no template: schema `tenant_template` does not exist; run `tenantctl init`");
}

#[test]
fn a_template_with_the_history_of_other_migrations_is_left_alone() {
    let database = Database::empty();
    let theirs = folder(&[("V1__theirs.sql", "CREATE TABLE theirs (id int)")]);
    init_with(&database, theirs.path()).success();
    let before = definition(&database);
    database
        .run(&["init"])
        .success()
        .says("`V1__theirs` was applied, and file `V1__users` has changed since")
        .says("`template.migrations`");
    assert_eq!(definition(&database), before);
    database
        .run(&["template", "status", "--check"])
        .exits(4)
        .says("does not fit");
}

#[test]
fn a_folder_of_migrations_is_used_in_place_of_the_programs_own() {
    let database = Database::empty();
    let files = folder(&[("V1__first.sql", "CREATE TABLE first (id int);")]);
    let config = folder(&[(
        "tenantctl.toml",
        &format!(
            "[tenants]\ntemplate = \"Blue \\\"print\"\n[template]\nmigrations = \"{}\"\n",
            files.path().display()
        ),
    )]);
    let run = |arguments: &[&str]| database.program().folder(config.path()).run(arguments);
    run(&["init"]).success();
    assert_eq!(
        database.sql("SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'first'"),
        "\"Blue \"\"print\""
    );

    fs::write(
        files.path().join("V2__second.sql"),
        "CREATE TABLE second (id int) -- no semicolon",
    )
    .expect("written");
    let status = run(&["template", "status", "--check"]).exits(4);
    insta::assert_snapshot!(status.shown(), @r#"
    exit 4
    --- stdout
    FIELD         VALUE
    schema        Blue "print
    exists        yes
    managed       yes
    version       1
    latest        2
    tables        1
    pending       V2__second
    diverged      -
    missing       -
    out_of_order  -
    --- stderr
    1 migration to apply; run `tenantctl init`
    "#);
    run(&["template", "status"]).success();
    let answer = run(&["init", "-o", "json"]).success().json();
    assert_eq!(answer["template"]["applied"], serde_json::json!(["V2__second"]));
    run(&["template", "status", "--check"]).success();
}

#[test]
fn a_chosen_folder_that_does_not_fit_is_refused() {
    let database = Database::empty();
    let files = folder(&[
        ("V1__first.sql", "CREATE TABLE first (id int)"),
        ("V3__third.sql", "CREATE TABLE third (id int)"),
    ]);
    init_with(&database, files.path()).success();
    fs::write(files.path().join("V1__first.sql"), "CREATE TABLE other (id int)").expect("written");
    fs::write(
        files.path().join("V2__second.sql"),
        "CREATE TABLE second (id int)",
    )
    .expect("written");
    fs::rename(
        files.path().join("V3__third.sql"),
        files.path().join("V4__fourth.sql"),
    )
    .expect("renamed");
    init_with(&database, files.path())
        .exits(1)
        .says("migrating the template `tenant_template`")
        .says("`V3__third` was applied, and its file is gone")
        .says("hint: use the files that were applied");
    let path = files.path().to_str().expect("UTF-8");
    let run = database
        .run(&[
            "template",
            "status",
            "--check",
            "--migrations",
            path,
            "-o",
            "json",
        ])
        .exits(4);
    assert_eq!(
        run.json()["template"],
        serde_json::json!({
            "schema": "tenant_template", "exists": true, "managed": true, "version": 3, "latest": 4, "tables": 2,
            "pending": ["V4__fourth"], "diverged": ["V1__first"], "missing": ["V3__third"],
            "out_of_order": ["V2__second"],
        })
    );
}

#[test]
fn two_files_of_one_version_are_refused_before_connecting() {
    let files = folder(&[("V1__a.sql", "SELECT 1"), ("V01__b.sql", "SELECT 1")]);
    Program::new()
        .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
        .run(&[
            "init",
            "--template-migrations",
            files.path().to_str().expect("UTF-8"),
        ])
        .exits(2)
        .says("two files have the version of");
}

#[test]
fn a_migration_that_fails_leaves_no_template_behind() {
    let database = Database::empty();
    let files = folder(&[
        ("V1__first.sql", "CREATE TABLE first (id int)"),
        ("V2__second.sql", "CREATE TABLE first (id int)"),
    ]);
    init_with(&database, files.path())
        .exits(1)
        .says("migrating the template `tenant_template`")
        .says("migration `V2__second` failed")
        .says("relation \"first\" already exists (42P07)");
    assert_eq!(
        database.sql("SELECT to_regnamespace('tenant_template') IS NULL"),
        "t"
    );
    database.run(&["init"]).success();
}

#[test]
fn the_template_waits_for_whoever_works_on_it_only_so_long() {
    let database = Database::new();
    let url = database.url().to_owned();
    let holder = std::thread::spawn(move || {
        psql(
            &url,
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('tenantctl:tenant:tenant_template', 0)); \
             SELECT pg_sleep(2)",
        )
    });
    wait_until("the lock is held", || {
        database.sql(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = \
             (SELECT oid FROM pg_database WHERE datname = current_database())",
        ) == "1"
    });
    let run = database
        .run(&["init", "--lock-wait", "200ms"])
        .exits(6)
        .says("schema `tenant_template` is locked by another run");
    assert!(run.stderr.contains("pid "), "{}", run.stderr);
    database
        .run(&["template", "status"])
        .exits(6)
        .says("is locked by another run");
    database.run(&["init"]).success();
    holder.join().expect("no panic").expect("released");
}

#[test]
fn a_killed_init_leaves_all_of_the_template_or_nothing() {
    let database = Database::empty();
    let slow = folder(&[
        ("V1__first.sql", "CREATE TABLE first (id int)"),
        ("V2__second.sql", "SELECT pg_sleep(20)"),
    ]);
    let path = slow.path().to_str().expect("UTF-8").to_owned();
    let mut child = database
        .program()
        .spawn(&["init", "--template-migrations", &path]);
    let sleeping = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    wait_until("the migration runs", || {
        database.sql(&format!("SELECT count(*) {sleeping}")) == "1"
    });
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(
        database.sql("SELECT to_regnamespace('tenant_template') IS NULL"),
        "t"
    );
    database.sql(&format!("SELECT pg_terminate_backend(pid, 5000) {sleeping}"));
    database.run(&["init"]).success();
    database.run(&["template", "status", "--check"]).success();
}

#[test]
fn status_says_what_to_do_where_there_is_no_template() {
    let database = Database::empty();
    let run = database.run(&["template", "status"]).success();
    insta::assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    FIELD         VALUE
    schema        tenant_template
    exists        no
    managed       no
    version       -
    latest        4
    tables        0
    pending       V1__users V2__metrics V3__dashboards V4__audit_and_jobs
    diverged      -
    missing       -
    out_of_order  -
    --- stderr
    warning: there is no template: schema `tenant_template` does not exist; run `tenantctl init`
    ");
    database.run(&["template", "status", "--check"]).exits(4);
}

#[test]
fn status_shows_the_template_as_json_and_csv() {
    let database = Database::new();
    let run = database.run(&["template", "status", "-o", "json"]).success();
    assert_eq!(
        run.json(),
        serde_json::json!({ "version": 1, "template": {
            "schema": "tenant_template", "exists": true, "managed": true, "version": 4, "latest": 4, "tables": 8,
            "pending": [], "diverged": [], "missing": [], "out_of_order": [],
        }})
    );
    assert_eq!(run.stderr, "");
    let run = database.run(&["template", "status", "-o", "csv"]).success();
    assert!(
        run.stdout.starts_with("field,value\nschema,tenant_template\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_tenants_schema_is_never_taken_for_the_template() {
    let database = Database::with_tenants(&["acme"]);
    let config = folder(&[("tenantctl.toml", "[tenants]\ntemplate = \"tenant_acme\"\n")]);
    database
        .program()
        .folder(config.path())
        .run(&["init"])
        .exits(2)
        .says("it belongs to tenant `acme`");
}

#[test]
fn the_help_of_template_says_where_templates_come_from() {
    // Where lines end is of no account.
    let help = |command: &[&str]| {
        let help = Program::new()
            .run(&[command, &["--help"]].concat())
            .success()
            .stdout;
        help.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let template = help(&["template"]);
    assert!(
        template.contains("has built is cloned as it is") && template.contains("status"),
        "{template}"
    );
    let status = help(&["template", "status"]);
    assert!(status.contains("diverged: files that were changed"), "{status}");
}
