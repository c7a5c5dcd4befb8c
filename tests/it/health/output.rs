//! The forms of the answer, exit codes, and looking again and again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::{health_with, names};
use crate::support::{Database, Fleet, Program, signal, wait_until};

/// A fleet that has something of everything.
fn ill() -> Database {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    database.sql(
        "DROP SCHEMA tenant_acme CASCADE; \
         ALTER TABLE tenant_globex.users ADD CONSTRAINT users_long CHECK (length(name) < 99) NOT VALID; \
         CREATE INDEX users_role_one ON tenant_globex.users (role); CREATE INDEX users_role_two ON tenant_globex.users (role)",
    );
    database
}

#[test]
fn people_get_lines_that_fit_80_columns() {
    let run = ill().run(&["health"]).exits(4);
    let long: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert_eq!(long, [] as [&str; 0]);
    let body = run.stdout.split_once("\n\n").expect("a head").1;
    insta::assert_snapshot!(body, @r#"
    CRITICAL  schema-missing
      1 tenant is in the registry, and the database has no schema for it
      who: acme
      why: every request of these tenants fails
      run: tenantctl list-backups acme
           tenantctl restore FILE --replace; or, if it was meant to go:
           tenantctl drop acme --no-backup

    WARNING  constraint-not-validated
      constraint users_long of users is not validated in 1 tenant
      who: globex
      why: rows from before may break it, and the planner does not trust it
      run: ALTER TABLE "users" VALIDATE CONSTRAINT "users_long";

    NOTE  index-duplicate
      index users_role_two of users is the same as users_role_one in 1 tenant
      who: globex
      why: every write keeps up both, and one would do
      run: tenantctl new drop_users_role_two --no-transaction
           -- with: DROP INDEX CONCURRENTLY IF EXISTS "users_role_two";
    "#);
    run.says("1 critical, 1 warning, 1 note, in ");
}

#[test]
fn programs_get_json_and_csv() {
    let database = ill();
    let run = health_with(database.program(), &[]).exits(4);
    let report = run.json();
    assert_eq!(
        (&report["version"], &report["healthy"]),
        (&1.into(), &false.into())
    );
    assert_eq!(report["counts"]["critical"], 1);
    assert_eq!(report["findings"][0]["check"], "schema-missing");
    assert_eq!(report["findings"][0]["tenant_count"], 1);
    let run = database.run(&["health", "-o", "csv"]).exits(4);
    let mut lines = run.stdout.lines();
    assert_eq!(
        lines.next(),
        Some("severity,check,summary,tenant_count,tenants,schemas,why,run")
    );
    assert!(
        lines
            .next()
            .expect("a finding")
            .starts_with("critical,schema-missing,"),
        "{}",
        run.stdout
    );
}

#[test]
fn fail_on_decides_about_the_exit_code() {
    let database = ill();
    let run = |arguments: &[&str]| health_with(database.program(), arguments);
    run(&["--fail-on", "never"]).success();
    let well = ["--skip", "schema-missing"];
    run(&well).success();
    run(&[&well[..], &["--fail-on", "warning"]].concat()).exits(4);
    let better = [&well[..], &["--skip", "constraint-not-validated"]].concat();
    let with = |severity| [&better[..], &["--fail-on", severity]].concat();
    run(&with("warning")).success();
    run(&with("note")).exits(4);
    let none = run(&[&with("note")[..], &["--skip", "index-duplicate"]].concat()).success();
    assert_eq!(names(&none), [] as [&str; 0]);
    assert_eq!(none.json()["skipped"].as_array().expect("a list").len(), 3);
}

#[test]
fn the_configuration_has_a_say() {
    let fleet = Fleet::new(1);
    fleet.sql(
        "CREATE INDEX one ON tenant_t01.customers (name); CREATE INDEX two ON tenant_t01.customers (name)",
    );
    fleet.configure("[health]\nfail_on = 'note'\n");
    fleet.run(&["health"]).exits(4);
    fleet.configure("[health]\nfail_on = 'note'\nskip = ['index-duplicate']\n");
    fleet.run(&["health"]).success();
    fleet.configure("[health]\nskip = ['index-duplicates']\n");
    fleet
        .run(&["health"])
        .exits(2)
        .says("there is no check `index-duplicates`")
        .says("did you mean `index-duplicate`?");
}

#[test]
fn figures_are_left_for_prometheus() {
    let database = ill();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenantctl.prom");
    let path = file.to_str().expect("UTF-8");
    database.run(&["health", "--metrics-file", path]).exits(4);
    let text = fs::read_to_string(&file).expect("written");
    for line in [
        "tenantctl_health_up 1",
        "tenantctl_health_findings{check=\"schema-missing\",severity=\"critical\"} 1",
        "tenantctl_health_finding_tenants{check=\"schema-missing\",severity=\"critical\"} 1",
        "tenantctl_health_findings{check=\"blocked\",severity=\"critical\"} 0",
        "tenantctl_tenants{status=\"active\"} 3",
        "# TYPE tenantctl_catalog_bytes gauge",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').expect("a value");
        value.parse::<f64>().expect("a number");
    }

    let gone = Program::new().env("DATABASE_URL", "postgresql://tenantctl@/x?host=/nonexistent");
    gone.run(&["health", "--metrics-file", path]).exits(5);
    let text = fs::read_to_string(&file).expect("written");
    assert!(
        text.contains("\ntenantctl_health_up 0\n") && !text.contains("findings"),
        "{text}"
    );
    let left: Vec<_> = fs::read_dir(folder.path()).expect("readable").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    let run = database
        .run(&["health", "--metrics-file", &format!("{path}/file.prom")])
        .exits(1)
        .says("file.prom` cannot be written");
    assert!(run.stdout.contains("schema-missing"), "{}", run.stdout);
}

#[test]
fn watching_looks_again_until_it_is_stopped() {
    let database = Database::with_tenants(&["acme"]);
    let mut child = database
        .program()
        .spawn(&["health", "--watch", "200ms", "-o", "json", "--quiet"]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || {
        let line = lines.next().expect("a line").expect("readable");
        serde_json::from_str::<serde_json::Value>(&line).expect("JSON")
    };
    assert_eq!(next()["healthy"], true);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    wait_until("it is seen", || next()["healthy"] == false);
    signal(child.id(), "INT");
    while lines.next().is_some() {}
    assert_eq!(child.wait().expect("ends").code(), Some(4));
}

#[test]
fn watching_waits_for_a_server_that_is_away_and_gives_up_at_first() {
    let server = crate::support::Server::start(&[]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    let mut child = database
        .program()
        .spawn(&["health", "--watch", "200ms", "-o", "json"]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    lines.next().expect("a line").expect("readable");
    server.crash();
    std::thread::sleep(std::time::Duration::from_secs(1));
    server.start_again();
    let mut last = String::new();
    for _ in 0..10 {
        last = lines.next().expect("a line").expect("readable");
    }
    signal(child.id(), "TERM");
    // Its own health is not what this is about: on a busy machine answers take long.
    last = lines.last().map_or(last, |line| line.expect("readable"));
    let last: serde_json::Value = serde_json::from_str(&last).expect("JSON");
    let code = if last["healthy"] == true { 0 } else { 4 };
    assert_eq!(child.wait().expect("ends").code(), Some(code), "{last}");

    let nobody = Program::new().env("DATABASE_URL", "postgresql://tenantctl@/x?host=/nonexistent");
    nobody.run(&["health", "--watch", "1s"]).exits(5);
    database.run(&["health", "--watch", "0"]).exits(2).says("100 ms");
}

#[test]
fn every_check_is_documented() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/health.md")).expect("readable");
    let documented: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let checks: Vec<&str> = tenantctl::ops::health::CHECKS
        .iter()
        .map(|check| check.name)
        .collect();
    assert_eq!(documented, checks);
    let listed = Program::new()
        .run(&["health", "--checks", "-o", "json"])
        .success()
        .json();
    let listed: Vec<&str> = listed["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|check| check["check"].as_str().expect("a text"))
        .collect();
    assert_eq!(listed, checks);
}

#[test]
fn watching_gives_up_a_connection_that_died_without_a_word() {
    let server = crate::support::Server::start(&[]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    let proxy = crate::support::Proxy::start(&server);
    let mut child = Program::new()
        .env("DATABASE_URL", proxy.url(database.name()))
        .env("DATABASE_POOL_TIMEOUT_MS", "1000")
        .spawn(&["health", "--watch", "3s", "-o", "json"]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    lines.next().expect("a line").expect("readable");
    // Between two looks.
    std::thread::sleep(std::time::Duration::from_millis(500));
    proxy.fall_silent();
    let (told, hears) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        told.send(lines.next().is_some()).ok();
        lines
    });
    let is_heard = hears.recv_timeout(std::time::Duration::from_secs(60));
    signal(child.id(), "KILL");
    child.wait().expect("ends");
    reader.join().expect("no panic");
    assert_eq!(is_heard, Ok(true));
}
