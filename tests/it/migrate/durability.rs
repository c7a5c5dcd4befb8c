//! Tenants do not wait for the disk, runs do.

use crate::support::{Fleet, Run, Server, wait_until};

const SLOW: &str = "ALTER TABLE customers ADD COLUMN phone text; SELECT pg_sleep(0.5);";

/// A server that keeps what is not flushed to itself for as long as it may.
fn server() -> Server {
    Server::start(&[
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("wal_writer_delay", "10s"),
    ])
}

#[test]
fn a_run_that_has_ended_survives_a_crash_of_the_server() {
    let server = server();
    let fleet = Fleet::on(&server, 8);
    fleet.file("V2__phone.sql", "ALTER TABLE customers ADD COLUMN phone text;");
    fleet.migrate(&["--all"]).success();
    server.crash();
    server.start_again();
    assert_eq!(fleet.versions(), "2:8");
    fleet
        .run(&["migrate", "--all", "--deep"])
        .success()
        .says("nothing to do");
}

#[test]
fn a_run_whose_lock_was_lost_says_that_its_end_may_be_undone() {
    let server = server();
    let fleet = Fleet::on(&server, 2);
    fleet.file("V2__phone.sql", SLOW);
    let child = fleet.start(&["--all", "--jobs", "1"]);
    let keeper = "FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction' \
                  AND query LIKE '%pg_advisory_xact_lock%'";
    wait_until("a tenant is under way", || {
        fleet.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '/* tenant%'",
        ) == "1"
    });
    assert_eq!(
        fleet.sql(&format!("SELECT count(pg_terminate_backend(pid)) {keeper}")),
        "1"
    );
    Run::of(child)
        .exits(1)
        .says("2 tenants now at V2")
        .says("error: the connection that kept other runs away was lost")
        .says("run it again to be sure");
    assert_eq!(fleet.versions(), "2:2");
    // Lines of tenants stand and fall with what was done to them.
    assert_eq!(fleet.log(), "failed: t01 done, t02 done");
}
