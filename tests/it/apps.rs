//! The five applications that the program carries, each from an empty database to the end of a tenant.

use std::fs;

use crate::support::{Database, Judge};

const APPS: [&str; 5] = ["metrics", "sales", "inbox", "viral", "auth"];

/// The whole life of an application.
fn live(app: &str) {
    let database = Database::empty();
    let run = |arguments: &[&str]| {
        database
            .program()
            .env("SEED_ADMIN_PASSWORD", "chosen for the demo")
            .run(arguments)
            .success()
    };
    let answer = run(&["init", "--app", app, "-o", "json"]).json();
    assert_eq!(answer["template"]["app"], app);
    assert!(answer["template"]["version"].as_i64() > Some(1), "{answer}");
    run(&["template", "status", "--check"]);
    run(&["create", "acme", "--plan", "pro"]);

    let seeded = run(&["seed", "--days", "14", "--until", "2026-11-01", "-o", "json"]).json();
    let tenants = seeded["tenants"].as_array().expect("tenants");
    assert_eq!(tenants.len(), 3, "{seeded}");
    for tenant in tenants {
        assert!(tenant["rows"].as_u64() > Some(20), "{tenant}");
    }
    let again = run(&["seed", "--days", "14", "--until", "2026-11-01", "-o", "json"]).json();
    assert_eq!(again["rows"], 0, "{again}");
    run(&["seed", "--into", "acme", "--users", "1", "--days", "1"]);

    // What was chosen at the beginning is known from here on.
    run(&["migrate", "--all"]).says("nothing to do: 4 tenants");
    run(&["status", "--check", "--deep"]);
    run(&["init"]);
    run(&["drift", "--all"]);

    let slug = tenants[0]["tenant"].as_str().expect("a slug");
    run(&["clone", slug, "copy"]);
    let schema = format!("tenant_{}", slug.replace('-', "_"));
    Judge::new(database.url()).expect_faithful("tenant_template", "tenant_copy");
    Judge::new(database.url())
        .with_data()
        .expect_faithful(&schema, "tenant_copy");
    run(&["drift", "--all"]);

    let sizes = run(&["sizes", "-o", "json"]).json();
    assert_eq!(sizes["rows"].as_array().map(Vec::len), Some(5), "{sizes}");
    let due = run(&[
        "cleanup",
        "--days",
        "1",
        "--all",
        "--yes",
        "--dry-run",
        "-o",
        "json",
    ])
    .json();
    // As cron does, and then all that is older than a day.
    let nightly = run(&["cleanup", "--days", "30", "-o", "json"]).json();
    let gone = run(&["cleanup", "--days", "1", "--all", "--yes", "-o", "json"]).json();
    assert_ne!(
        (&nightly["rows"], &gone["rows"]),
        (&0.into(), &0.into()),
        "{gone}"
    );
    assert!(due["rows"].as_u64() > Some(0), "{due}");
    let left = run(&["cleanup", "--days", "1", "--all", "--yes", "-o", "json"]).json();
    assert_eq!(left["rows"], 0, "{left}");
    run(&["drift", "--all"]);
    run(&["drop", "copy", "acme", "--yes", "--no-backup"]);
    assert_eq!(database.sql("SELECT count(*) FROM tenants"), "3");
}

#[test]
fn the_metrics_application_lives() {
    live("metrics");
}

#[test]
fn the_sales_application_lives() {
    live("sales");
}

#[test]
fn the_inbox_application_lives() {
    live("inbox");
}

#[test]
fn the_viral_application_lives() {
    live("viral");
}

#[test]
fn the_auth_application_lives() {
    live("auth");
}

#[test]
fn another_application_than_the_databases_is_refused() {
    let database = Database::empty();
    database.run(&["init", "--app", "inbox", "--quiet"]).success();
    for command in [&["init"][..], &["init", "--dry-run"], &["seed"]] {
        database
            .run(&[command, &["--app", "sales"]].concat())
            .exits(2)
            .says("this database has the application `inbox`, not `sales`");
    }
    database.run(&["init", "--app", "inbox"]).success();
    database.run(&["template", "status", "--check"]).success();
}

#[test]
fn a_template_that_came_another_way_is_no_application() {
    let database = Database::new();
    database.sql("DROP SCHEMA tenant_template CASCADE; CREATE SCHEMA tenant_template; CREATE TABLE tenant_template.t (id int)");
    database
        .run(&["init", "--app", "metrics"])
        .exits(2)
        .says("schema `tenant_template` was not built from the migrations of `metrics`");
    database
        .run(&["seed"])
        .exits(2)
        .says("there is no demo data for this template");
    assert_eq!(
        database.sql("SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'tenant_template'::regnamespace"),
        "t"
    );
}

#[test]
fn a_configured_template_and_an_application_are_two() {
    let database = Database::empty();
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("sql")).expect("a folder");
    fs::write(folder.path().join("sql/V1__a.sql"), "CREATE TABLE a (id int)").expect("written");
    fs::write(
        folder.path().join("tenantctl.toml"),
        "[template]\nmigrations = 'sql'\n",
    )
    .expect("written");
    database
        .program()
        .folder(folder.path())
        .run(&["init", "--app", "auth"])
        .exits(2)
        .says("name two templates");
    database
        .run(&["init", "--app", "auth", "--template-migrations", "sql"])
        .exits(2);
}

#[test]
fn every_command_knows_the_application_by_the_templates_history() {
    for app in APPS {
        let database = Database::empty();
        let project = tempfile::tempdir().expect("a folder");
        let folder = project.path().join("first");
        fs::create_dir(&folder).expect("a folder");
        let program = || database.program().folder(project.path());
        program()
            .run(&["init", "--scaffold", "--app", app, "all", "--quiet"])
            .success();
        let template = project.path().join("all/template");
        let first = fs::read_dir(&template)
            .expect("readable")
            .map(|file| file.expect("a file").file_name())
            .find(|name| name.to_string_lossy().starts_with("V1__"))
            .expect("a first migration");
        fs::copy(template.join(&first), folder.join(&first)).expect("copied");
        // A database as an older program has left it.
        program()
            .run(&["init", "--template-migrations", "first", "--quiet"])
            .success();
        database.run(&["create", "acme", "--quiet"]).success();
        assert_eq!(database.run(&["status", "--check"]).code, 4);
        database.run(&["migrate", "--all", "--quiet"]).success();
        database.run(&["status", "--check", "--deep"]).success();
        let answer = database.run(&["init", "-o", "json"]).success().json();
        assert_eq!(answer["template"]["app"], app);
        database.run(&["drift", "--all"]).success();
    }
}
