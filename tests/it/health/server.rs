//! The server and its settings, each on a server of its own that is short of something.

use std::process::{Child, Stdio};
use std::time::Duration;

use super::{Found, health, health_with, names, of, one};
use crate::support::{Database, Program, Proxy, Server, client, wait_until};

/// Sessions that do nothing until their input ends.
fn idle(database: &Database, count: usize) -> Vec<Child> {
    let session = |_| {
        client("psql")
            .args([database.url(), "-Xq"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("psql runs")
    };
    let sessions = (0..count).map(session).collect();
    wait_until("all are connected", || {
        let connected = database.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'",
        );
        connected == count.to_string()
    });
    sessions
}

fn end(sessions: Vec<Child>) {
    for mut session in sessions {
        drop(session.stdin.take());
        session.wait().expect("ends");
    }
}

/// Makes so many tables without running out of locks.
fn tables(database: &Database, schema: &str, count: usize) {
    database.sql(&format!(
        "DO $$ BEGIN FOR i IN 1..{count} LOOP EXECUTE format('CREATE TABLE {schema}.t%s (id int)', i); \
         IF i % 50 = 0 THEN COMMIT; END IF; END LOOP; END $$"
    ));
}

#[test]
fn connections_that_run_out_are_found_before_they_have() {
    let server = Server::start(&[("max_connections", "24")]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    assert_eq!(names(&health(&database).success()), [] as [&str; 0]);
    database.sql(&format!(
        "ALTER DATABASE \"{0}\" CONNECTION LIMIT 19; ALTER ROLE tenantctl CONNECTION LIMIT 100",
        database.name()
    ));

    let some = idle(&database, 17);
    let run = health(&database).success();
    let found = one(&run, "connections");
    assert_eq!(found.severity, "warning");
    assert!(
        found.summary.starts_with("18 of 21 connections are in use"),
        "{}",
        found.summary
    );
    assert_eq!(one(&run, "connection-limit").severity, "warning");
    assert_eq!(
        one(&run, "idle-connections").summary,
        "17 of 18 connections are idle"
    );
    let pool = one(&run, "pool");
    assert!(
        pool.summary.contains("`database.pool_max` is 10"),
        "{}",
        pool.summary
    );
    let small = health_with(database.program().env("DATABASE_POOL_MAX", "2"), &[]).success();
    assert!(of(&small, "pool").is_empty());

    let more = idle_beside(&server, 3);
    let run = health(&database).exits(4);
    assert_eq!(one(&run, "connections").severity, "critical");
    end(some);
    end(more);
}

/// The same in another database.
fn idle_beside(server: &Server, count: usize) -> Vec<Child> {
    let other = Database::on(server);
    let sessions = idle(&other, count);
    std::mem::forget(other);
    sessions
}

#[test]
fn a_table_of_locks_that_is_too_small_is_found() {
    let server = Server::start(&[
        ("max_connections", "40"),
        ("max_locks_per_transaction", "20"),
        ("autovacuum", "off"),
    ]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "--quiet", "acme"]).success();
    let program = |jobs: &str| database.program().env("TENANTCTL_JOBS", jobs);
    assert!(of(&health_with(program("1"), &[]).success(), "locks").is_empty());
    let found = one(&health_with(program("4"), &[]).success(), "locks");
    assert_eq!(found.severity, "warning");
    assert!(
        found.summary.ends_with("the server has room for 1,240"),
        "{}",
        found.summary
    );
    assert!(found.run[0].contains("max_locks_per_transaction"), "{found:?}");

    // What is foretold comes true, and what is not does not.
    let held = database.sql(
        "BEGIN; DROP SCHEMA tenant_acme CASCADE; SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid(); ROLLBACK",
    );
    let report = health_with(program("1"), &[]).json();
    let foretold = report["fleet"]["locks_of_largest_schema"]
        .as_f64()
        .expect("a number");
    let held: f64 = held.lines().last().expect("a line").parse().expect("a number");
    assert!(
        (0.8..1.3).contains(&(foretold / held)),
        "{foretold} foretold, {held} held"
    );

    tables(&database, "tenant_acme", 400);
    let run = health_with(program("1"), &[]).exits(4);
    assert_eq!(one(&run, "locks").severity, "critical");
    assert!(of(&run, "dump-locks").is_empty());
    database.sql("CREATE SCHEMA others");
    tables(&database, "others", 900);
    assert_eq!(
        one(&health_with(program("1"), &[]).exits(4), "dump-locks").severity,
        "note"
    );
}

#[test]
fn autovacuum_that_is_off_or_short_of_hands_is_found() {
    let server = Server::start(&[
        ("autovacuum", "off"),
        ("track_counts", "off"),
        ("autovacuum_max_workers", "1"),
        ("max_locks_per_transaction", "256"),
    ]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    let run = health(&database).success();
    let mut off: Vec<String> = of(&run, "autovacuum")
        .into_iter()
        .map(|found| found.summary)
        .collect();
    off.sort();
    assert_eq!(off, ["autovacuum is off", "track_counts is off"]);
    assert!(of(&run, "autovacuum-workers").is_empty());

    database.sql("CREATE SCHEMA others");
    tables(&database, "others", 5000);
    let found = one(&health(&database).success(), "autovacuum-workers");
    assert_eq!(found.severity, "note");
    assert!(
        found.summary.starts_with("1 worker of autovacuum for 5,0"),
        "{}",
        found.summary
    );
}

#[test]
fn catalogs_full_of_dead_rows_or_of_nothing_are_found() {
    let server = Server::start(&[("autovacuum", "off")]);
    let database = Database::on(&server);
    database.sql("CREATE SCHEMA wide");
    let columns: Vec<String> = (0..1500).map(|number| format!("c{number} int")).collect();
    for number in 0..80 {
        database.sql(&format!("CREATE TABLE wide.t{number} ({})", columns.join(", ")));
    }
    // Whatever comes last keeps the file from being cut.
    database.run(&["init", "--quiet"]).success();
    assert!(of(&health(&database).success(), "catalog-bloat").is_empty());

    for number in 0..80 {
        database.sql(&format!("DROP TABLE wide.t{number}"));
    }
    let catalog = |found: Vec<Found>| {
        let mut found = found.into_iter();
        found
            .find(|found| found.summary.starts_with("pg_attribute "))
            .expect("pg_attribute")
    };
    let found = catalog(of(&health(&database).success(), "catalog-bloat"));
    assert_eq!(found.severity, "warning");
    assert!(found.summary.contains(" dead rows beside "), "{}", found.summary);
    database.sql(&found.run[0]);
    let found = catalog(of(&health(&database).success(), "catalog-bloat"));
    assert_eq!(found.severity, "note");
    assert!(found.summary.ends_with(" are empty"), "{}", found.summary);
}

#[test]
fn a_server_that_is_far_away_is_found() {
    let server = Server::start(&[]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    for (delay, severity) in [(15, "note"), (60, "warning")] {
        let proxy = Proxy::far_away(&server, Duration::from_millis(delay));
        let program = Program::new().env("DATABASE_URL", proxy.url(database.name()));
        let run = health_with(program, &[]).success();
        assert_eq!(names(&run), ["latency"]);
        assert_eq!(one(&run, "latency").severity, severity, "{}", run.stdout);
    }
}
