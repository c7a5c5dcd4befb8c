//! Signals while statements run.

use crate::support::{Database, Run, signal, wait_until};

/// Starts work in ten tenants, two at a time, and returns when the first ones run.
fn under_way(database: &Database, seconds: &str) -> std::process::Child {
    let sql = format!("select pg_sleep({seconds})");
    let child = database
        .program()
        .spawn(&["exec", "--all", "--jobs", "2", "-s", &sql, "-o", "json"]);
    wait_until("two tenants are under way", || {
        database.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'select pg_sleep%' AND state = 'active' \
                      AND datname = current_database()",
        ) == "2"
    });
    child
}

#[test]
fn the_first_signal_lets_running_tenants_finish() {
    let slugs: Vec<String> = (0..10).map(|number| format!("t{number}")).collect();
    let database = Database::with_tenants(&slugs.iter().map(String::as_str).collect::<Vec<_>>());
    for name in ["INT", "TERM"] {
        let child = under_way(&database, "1");
        signal(child.id(), name);
        let run = Run::of(child).exits(130);
        let json = run.json();
        assert_eq!(json["results"].as_array().map(Vec::len), Some(2), "{json}");
        assert_eq!(json["not_started"].as_array().map(Vec::len), Some(8), "{json}");
        assert!(run.stderr.contains("once more to cancel them"), "{}", run.stderr);
    }
}

#[test]
fn the_second_signal_cancels_on_the_server() {
    let slugs: Vec<String> = (0..10).map(|number| format!("t{number}")).collect();
    let database = Database::with_tenants(&slugs.iter().map(String::as_str).collect::<Vec<_>>());
    let started = std::time::Instant::now();
    let child = under_way(&database, "60");
    signal(child.id(), "INT");
    std::thread::sleep(std::time::Duration::from_millis(200));
    signal(child.id(), "INT");
    Run::of(child).exits(130);
    assert!(started.elapsed().as_secs() < 20);
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'select pg_sleep%' AND state = 'active' \
                   AND datname = current_database()";
    wait_until("nothing runs any more", || database.sql(running) == "0");
}

#[test]
fn a_signal_ends_the_wait_for_standard_input() {
    let database = Database::with_tenants(&["acme"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let child = database
        .program()
        .spawn_reading(reader, &["exec", "acme", "--file", "-"]);
    // Whoever listens for signals does so before reading.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let started = std::time::Instant::now();
    signal(child.id(), "INT");
    Run::of(child).exits(130);
    assert!(started.elapsed().as_millis() < 2000);
    drop(writer);
}

/// A server that does not answer, as one whose disk hangs.
#[test]
fn who_does_not_hear_what_became_of_the_work_says_so() {
    let database = Database::with_tenants(&["acme"]);
    let child = database
        .program()
        .spawn(&["exec", "acme", "-s", "select pg_sleep(60)"]);
    let backend = || {
        database.sql(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'select pg_sleep%' AND state = 'active' \
             AND datname = current_database()",
        )
    };
    wait_until("the statement is under way", || !backend().is_empty());
    let backend: u32 = backend().parse().expect("a process");
    signal(backend, "STOP");
    signal(child.id(), "INT");
    std::thread::sleep(std::time::Duration::from_millis(200));
    signal(child.id(), "INT");
    let run = Run::of(child);
    signal(backend, "CONT");
    run.exits(130).says("it may or may not have taken effect");
}
