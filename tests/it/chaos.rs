//! Killing the client and the server at any moment.

use std::time::{Duration, Instant};

use crate::support::{Database, Random, Run, Server, psql, wait_until};

/// A row of random-looking pauses, the same on every run.
fn pauses(most: Duration) -> impl Iterator<Item = Duration> {
    let mut random = Random::new(1);
    std::iter::repeat_with(move || random.pause(most))
}

/// Registry, schemas and log agree: a tenant is there altogether or not at all.
fn is_consistent(database: &Database) -> bool {
    database.sql(
        "SELECT NOT EXISTS (SELECT FROM tenants t LEFT JOIN pg_namespace n ON n.nspname = t.schema_name WHERE n.oid IS NULL) \
         AND NOT EXISTS (SELECT FROM pg_namespace n LEFT JOIN tenants t ON n.nspname = t.schema_name \
                         WHERE n.nspname LIKE 'tenant\\_%' AND n.nspname <> 'tenant_template' AND t.id IS NULL) \
         AND (SELECT count(*) FILTER (WHERE command = 'create') - count(*) FILTER (WHERE command = 'drop') \
              FROM tenant_operations WHERE outcome = 'done') = (SELECT count(*) FROM tenants)",
    ) == "t"
}

#[test]
fn a_client_killed_at_any_moment_leaves_the_old_or_the_new_state() {
    let database = Database::new();
    // From the second on, the template's definition is known.
    database.run(&["create", "first"]).success();
    let started = Instant::now();
    database.run(&["create", "second"]).success();
    let usual = started.elapsed();
    let mut landed = [0, 0];
    // What is usual now need not be usual a minute later.
    let mut scale = 1.0;
    for (round, pause) in (0..40).zip(pauses(usual * 3 / 2)) {
        let slug = format!("t{}", round / 2);
        let arguments: &[&str] = if round % 2 == 0 {
            &["create", &slug]
        } else {
            &["drop", "--no-backup", &slug, "--yes"]
        };
        let mut child = database.program().spawn(arguments);
        std::thread::sleep(pause.mul_f64(scale));
        child.kill().expect("can be killed");
        let run = Run::of(child);
        database.nobody_is_left();
        assert!(
            is_consistent(&database),
            "after round {round}, {arguments:?} killed after {pause:?}: {run:?}"
        );
        let exists = database.sql(&format!("SELECT count(*) FROM tenants WHERE slug = '{slug}'")) == "1";
        let is_new = exists == (round % 2 == 0);
        landed[usize::from(is_new)] += 1;
        scale *= if is_new { 0.9 } else { 1.1 };
        if round % 2 == 0 && !exists {
            database.run(&["create", &slug, "--if-not-exists"]).success();
        }
    }
    assert!(
        landed.iter().all(|&count| count > 5),
        "kills came always too early or too late: {landed:?}"
    );
}

#[test]
fn a_server_killed_at_any_moment_leaves_the_old_or_the_new_state() {
    let server = Server::start(&[
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
    ]);
    let database = Database::on(&server);
    database.run(&["init"]).success();
    for (round, pause) in (0..16).zip(pauses(Duration::from_millis(40))) {
        let slugs: Vec<String> = (0..20).map(|number| format!("r{}-{number}", round / 2)).collect();
        let command = if round % 2 == 0 {
            &["create", "--if-not-exists"][..]
        } else {
            &["drop", "--no-backup", "--yes"]
        };
        let exist = "SELECT slug FROM tenants";
        let there = database.sql(exist);
        let chosen = slugs
            .iter()
            .map(String::as_str)
            .filter(|slug| round % 2 == 0 || there.lines().any(|line| line == *slug));
        let arguments: Vec<&str> = command.iter().copied().chain(chosen).collect();
        if arguments.len() == command.len() {
            continue;
        }
        let child = database.program().spawn(&arguments);
        std::thread::sleep(pause);
        server.crash();
        let run = Run::of(child);
        server.start_again();
        assert!([0, 1, 3, 5].contains(&run.code), "{run:?}");
        assert!(is_consistent(&database), "after round {round}: {run:?}");
    }
}

#[test]
fn a_backend_killed_in_the_middle_fails_its_tenant_alone() {
    let database = Database::with_tenants(&["a", "b", "c"]);
    let sql = "select case when current_schema() = 'tenant_b' then pg_sleep(30) end";
    let child = database.program().spawn(&["exec", "--all", "-s", sql]);
    let sleeping = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    wait_until("the backend sleeps", || {
        database.sql(&format!("SELECT count(*) {sleeping}")) == "1"
    });
    psql(
        database.url(),
        &format!("SELECT pg_terminate_backend(pid) {sleeping}"),
    )
    .expect("terminated");
    let run = Run::of(child).exits(3);
    assert!(
        run.stderr.contains("b  the connection to the server was lost"),
        "{}",
        run.stderr
    );
}
