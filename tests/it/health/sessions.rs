//! Sessions that keep others waiting, and that keep nobody here waiting.

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{Found, health, health_with, of, one};
use crate::support::{Database, Run, Server, client, configured, wait_until};

/// A session that has been told something and is left alone.
struct Session(Child);

impl Session {
    fn start(database: &Database, name: &str, sql: &str) -> Self {
        let mut child = client("psql")
            .args([database.url(), "-Xq"])
            .env("PGAPPNAME", name)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("psql runs");
        let stdin = child.stdin.as_mut().expect("a pipe");
        writeln!(stdin, "{sql}").expect("told");
        stdin.flush().expect("told");
        wait_until("the session has begun", || {
            database.sql(&format!(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND datname = current_database() \
                 AND (state = 'idle in transaction' OR state = 'active' AND clock_timestamp() - query_start > '0.2 s')"
            )) == "1"
        });
        Self(child)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// With limits that tests have the patience for.
fn impatient(database: &Database) -> Run {
    let text = "[health]\nlong_transaction = '1s'\nidle_in_transaction = '1s'\nblocked = '1s'\n";
    let folder = configured(text);
    health_with(database.program().folder(folder.path()), &[])
}

/// Looks until the check has found something.
fn in_time(database: &Database, check: &str) -> Vec<Found> {
    let mut found = Vec::new();
    wait_until(check, || {
        found = of(&impatient(database), check);
        !found.is_empty()
    });
    found
}

#[test]
fn transactions_that_do_not_end_are_found() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let _idle = Session::start(
        &database,
        "forgetful",
        "BEGIN; SELECT count(*) FROM tenant_acme.users;",
    );
    let _busy = Session::start(
        &database,
        "thorough",
        "SELECT count(*), pg_sleep(60) FROM tenant_globex.users;",
    );
    let idle = in_time(&database, "idle-in-transaction");
    let long = in_time(&database, "long-transaction");
    assert!(
        idle[0]
            .summary
            .contains("forgetful) is idle in a transaction for"),
        "{idle:?}"
    );
    assert_eq!(idle[0].tenants, ["acme"]);
    assert!(
        long[0].summary.contains("thorough) is in a transaction for"),
        "{long:?}"
    );
    assert_eq!(long[0].tenants, ["globex"]);
    assert!(["warning", "critical"].contains(&long[0].severity.as_str()));
    // By the limits that are the default, that is nothing.
    let run = health(&database).success();
    assert!(of(&run, "long-transaction").is_empty() && of(&run, "idle-in-transaction").is_empty());
    database.sql(&idle[0].run[0]);
    wait_until("it is gone", || {
        of(&impatient(&database), "idle-in-transaction").is_empty()
    });
}

#[test]
fn who_is_blocked_is_found_with_who_blocks() {
    let database = Database::with_tenants(&["acme"]);
    let _first = Session::start(
        &database,
        "holder",
        "BEGIN; LOCK TABLE tenant_acme.users IN ACCESS EXCLUSIVE MODE;",
    );
    let _second = Session::start(
        &database,
        "second",
        "BEGIN; LOCK TABLE tenant_acme.users IN ACCESS SHARE MODE;",
    );
    let _third = Session::start(
        &database,
        "third",
        "BEGIN; LOCK TABLE tenant_acme.users IN SHARE MODE;",
    );
    let _fourth = Session::start(&database, "fourth", "SELECT count(*) FROM tenant_acme.users;");
    let found = in_time(&database, "blocked");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0]
            .summary
            .contains("holder) on tenant_acme.users, the longest for"),
        "{found:?}"
    );
    assert!(found[0].summary.contains("idle in transaction: "), "{found:?}");
    assert_eq!(found[0].tenants, ["acme"]);
    database.sql(&found[0].run[0]);
    wait_until("nobody waits", || of(&impatient(&database), "blocked").is_empty());
}

#[test]
fn who_waits_for_a_row_is_found_with_its_tenant() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("CREATE TABLE tenant_acme.counters (n int); INSERT INTO tenant_acme.counters VALUES (1)");
    let update = "BEGIN; UPDATE tenant_acme.counters SET n = n + 1;";
    let _first = Session::start(&database, "first", update);
    let _second = Session::start(&database, "second", update);
    let found = in_time(&database, "blocked");
    assert!(
        found[0].summary.contains("first) on tenant_acme.counters"),
        "{found:?}"
    );
    assert_eq!(found[0].tenants, ["acme"]);
}

#[test]
fn a_prepared_transaction_that_nobody_ends_is_found() {
    let server = Server::start(&[("max_prepared_transactions", "5")]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    database.sql("BEGIN; CREATE TABLE later (id int); PREPARE TRANSACTION 'it''s late'");
    let found = in_time(&database, "prepared-transaction");
    assert_eq!(found[0].severity, "warning");
    let rollback = found[0].run[0].split(" --").next().expect("a statement");
    database.sql(rollback);
    assert!(of(&impatient(&database), "prepared-transaction").is_empty());
}

#[test]
fn who_waits_for_a_prepared_transaction_is_not_told_to_end_a_session() {
    let server = Server::start(&[("max_prepared_transactions", "5")]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    database.sql("CREATE TABLE waited (id int)");
    database.sql("BEGIN; LOCK TABLE waited; PREPARE TRANSACTION 'late'");
    let _waiting = Session::start(&database, "waiting", "SELECT count(*) FROM waited;");
    let found = in_time(&database, "blocked");
    assert!(
        found[0]
            .summary
            .starts_with("1 session waits for a prepared transaction on public.waited, the longest for"),
        "{found:?}"
    );
    let question = found[0].run[0].split(" --").next().expect("a statement");
    assert!(database.sql(question).starts_with("late|"));
    database.sql("ROLLBACK PREPARED 'late'");
}

#[test]
fn what_others_do_is_shown_without_what_they_say() {
    let database = Database::with_tenants(&["acme"]);
    let _holder = Session::start(
        &database,
        "holder",
        "BEGIN; LOCK TABLE tenant_acme.users; SELECT 's3cret' AS password;",
    );
    let _waiting = Session::start(&database, "waiting", "SELECT count(*) FROM tenant_acme.users;");
    let found = in_time(&database, "blocked");
    assert!(found[0].summary.contains("SELECT '…' AS password"), "{found:?}");
    let run = impatient(&database);
    assert!(!run.stdout.contains("s3cret"), "{}", run.stdout);
}

#[test]
fn changes_to_schemas_that_are_under_way_keep_nobody_waiting() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    database.sql(
        "CREATE TABLE tenant_acme.numbered (id serial); CREATE TABLE tenant_globex.numbered (id serial); \
         SELECT setval('tenant_globex.numbered_id_seq', 2000000000)",
    );
    let _drop = Session::start(&database, "dropping", "BEGIN; DROP SCHEMA tenant_acme CASCADE;");
    let _alter = Session::start(
        &database,
        "altering",
        "BEGIN; ALTER TABLE tenant_initech.users ADD COLUMN extra int; ALTER TABLE tenant_template.users ADD COLUMN extra int;",
    );
    let started = Instant::now();
    let run = health_with(database.program(), &["--skip", "drift"]).exits(4);
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(one(&run, "sequence-exhausted").tenants, ["globex"]);
    assert!(of(&run, "not-checked").is_empty(), "{}", run.stdout);
    // The template's definition cannot be read meanwhile, which is said in time.
    let run = health(&database).exits(4);
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
    for found in of(&run, "not-checked") {
        assert!(found.summary.starts_with("drift"), "{found:?}");
    }
}

/// A session of somebody else's, as long as it is kept.
pub(super) fn sleeper(database: &Database) -> impl Drop {
    Session::start(database, "sleeper", "SELECT pg_sleep(60);")
}
