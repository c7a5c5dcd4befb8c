//! `health`: every check is provoked for real, and a healthy fleet has nothing to be told.

mod definitions;
mod numbers;
mod output;
mod permissions;
mod registry;
mod server;
mod sessions;
mod statements;

use serde_json::Value;

use crate::support::{Database, Program, Run};

/// A finding, as far as tests look at it.
#[derive(Debug)]
struct Found {
    severity: String,
    summary: String,
    run: Vec<String>,
    tenants: Vec<String>,
    schemas: Vec<String>,
}

/// The findings of one check.
#[track_caller]
fn of(run: &Run, check: &str) -> Vec<Found> {
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().expect("a list").iter();
        list.map(|text| text.as_str().expect("a text").to_owned())
            .collect()
    };
    let report = run.json();
    let findings = report["findings"].as_array().expect("a list").iter();
    findings
        .filter(|finding| finding["check"] == check)
        .map(|finding| Found {
            severity: finding["severity"].as_str().expect("a text").to_owned(),
            summary: finding["summary"].as_str().expect("a text").to_owned(),
            run: texts(&finding["run"]),
            tenants: texts(&finding["tenants"]),
            schemas: texts(&finding["schemas"]),
        })
        .collect()
}

/// The only finding of a check.
#[track_caller]
fn one(run: &Run, check: &str) -> Found {
    let mut found = of(run, check);
    assert_eq!(
        found.len(),
        1,
        "{check}: {found:?} in {} {}",
        run.stdout,
        run.stderr
    );
    found.remove(0)
}

/// The names of the checks that found something, each once.
#[track_caller]
fn names(run: &Run) -> Vec<String> {
    let report = run.json();
    let findings = report["findings"].as_array().expect("a list").iter();
    let mut names: Vec<String> = findings
        .map(|finding| finding["check"].as_str().expect("a text").to_owned())
        .collect();
    names.dedup();
    names
}

fn health(database: &Database) -> Run {
    health_with(database.program(), &[])
}

fn health_with(program: Program, arguments: &[&str]) -> Run {
    program.run(&[&["health", "-o", "json"], arguments].concat())
}

#[test]
fn a_healthy_fleet_has_nothing_to_be_told() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let run = health(&database).success();
    assert_eq!(names(&run), [] as [&str; 0], "{}", run.stdout);
    let report = run.json();
    assert_eq!(report["healthy"], true);
    assert_eq!(report["fleet"]["tenants"], 2);
    assert_eq!(report["fleet"]["schemas"], 2);
    let deep = health_with(database.program(), &["--deep"]).success();
    assert_eq!(names(&deep), [] as [&str; 0], "{}", deep.stdout);
}

#[test]
fn nothing_is_changed_by_looking() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("ALTER TABLE tenant_acme.users ADD COLUMN extra int");
    let rows = "SELECT md5(string_agg(t::text, ',')) FROM tenants t";
    let before = (database.state(), database.sql(rows));
    health_with(database.program(), &["--deep"]).success();
    assert_eq!((database.state(), database.sql(rows)), before);
    let log = database.sql("SELECT count(*) FROM tenant_operations WHERE command = 'health'");
    assert_eq!(log, "0");
}

#[test]
fn a_database_without_a_registry_says_what_to_do_first() {
    let database = Database::empty();
    database.run(&["health"]).exits(2).says("tenantctl init");
}
