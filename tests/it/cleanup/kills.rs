//! Killing the client while it works: nothing that should stay is gone, nothing archived is lost or there twice.

use std::time::Duration;

use super::actions::{archiving, files};
use super::{ask, cleanup};
use crate::support::{Random, Run, archived_rows, psql, wait_until};

#[test]
fn whenever_a_run_is_killed_each_row_is_in_its_table_or_in_the_archive() {
    let fleet = archiving(1);
    let mut random = Random::new(1);
    let mut killed = 0;
    for round in 0..12 {
        let mut child = fleet
            .program()
            .spawn(&["cleanup", "--days", "60", "--pause", "25ms"]);
        std::thread::sleep(Duration::from_millis(40) + random.pause(Duration::from_millis(260)));
        child.kill().expect("can be killed");
        killed += i32::from(Run::of(child).code != 0);
        fleet.database.nobody_is_left();
        assert_eq!(
            ask(&fleet, "t01", "SELECT count(*) FROM logs WHERE id < 1440"),
            "1439",
            "round {round}"
        );
        // The next day, with rows that have become due.
        let id = 10_000 + round * 1000;
        ask(
            &fleet,
            "t01",
            &format!(
                "INSERT INTO logs (id, at) SELECT {id} + n, now() - interval '70 days' FROM generate_series(1, 900) n"
            ),
        );
    }
    assert!(killed > 5, "kills came too late: {killed}");
    cleanup(&fleet, &["--days", "60"]).success();
    assert_eq!(
        ask(&fleet, "t01", "SELECT count(*), max(id) FROM logs"),
        "1439|1439"
    );
    let mut ids: Vec<u64> = files(&fleet, "t01")
        .iter()
        .flat_map(|file| archived_rows(file))
        .filter_map(|row| row["id"].as_u64())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        (all, ids.len()),
        (961 + 12 * 900, 961 + 12 * 900),
        "archived rows, and those that differ"
    );
    assert_eq!(
        fleet.sql("SELECT count(*) FROM tenant_archives WHERE is_open"),
        "0"
    );
}

#[test]
fn what_a_killed_run_is_still_committing_is_not_cut_off() {
    let fleet = archiving(1);
    cleanup(&fleet, &["--days", "60"]).success();
    let file = files(&fleet, "t01").pop().expect("an archive");
    // As it was before the commit, with the rows on disk already.
    let bytes = fleet.sql("SELECT bytes FROM tenant_archives");
    fleet.sql("UPDATE tenant_archives SET is_open = true, bytes = 0");
    let url = fleet.database.url().to_owned();
    let committing = std::thread::spawn(move || {
        psql(
            &url,
            &format!("BEGIN; UPDATE tenant_archives SET bytes = {bytes}; SELECT pg_sleep(1.5); COMMIT"),
        )
        .expect("committed");
    });
    wait_until("it is about to commit", || {
        fleet.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")
            == "1"
    });
    cleanup(&fleet, &["--days", "60"]).success();
    committing.join().expect("no panic");
    assert_eq!(archived_rows(&file).len(), 961);
    assert_eq!(
        fleet.sql("SELECT count(*) FROM tenant_archives WHERE bytes > 0 AND NOT is_open"),
        "1"
    );
}

#[test]
fn a_run_whose_archive_another_has_taken_over_removes_no_more() {
    let fleet = archiving(1);
    let run = fleet
        .program()
        .spawn(&["cleanup", "--days", "60", "--pause", "400ms"]);
    wait_until("a batch is archived", || {
        fleet.sql("SELECT count(*) FROM tenant_archives WHERE bytes > 0") == "1"
    });
    fleet.sql("UPDATE tenant_archives SET is_open = false");
    Run::of(run)
        .exits(1)
        .says("another run has taken archive `t01/logs-");
    let left: usize = ask(&fleet, "t01", "SELECT count(*) FROM logs")
        .parse()
        .expect("a number");
    let archived: usize = files(&fleet, "t01")
        .iter()
        .map(|file| archived_rows(file).len())
        .sum();
    assert_eq!(left + archived, 2400);
    assert!(left > 1439, "it went on");
}

#[test]
fn a_run_that_lost_the_connection_with_its_lock_is_not_logged_as_done() {
    let fleet = archiving(2);
    fleet.sql("DROP TABLE tenant_t02.logs");
    let run = fleet
        .program()
        .spawn(&["cleanup", "--days", "60", "--pause", "200ms"]);
    wait_until("a batch is archived", || {
        fleet.sql("SELECT count(*) FROM tenant_archives WHERE bytes > 0") == "1"
    });
    // Those of tenants are shared.
    fleet.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database \
         WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted AND datname = current_database()",
    );
    let run = Run::of(run);
    assert_ne!(run.code, 0);
    run.says("the connection that kept other runs away was lost");
    assert_eq!(
        fleet.sql("SELECT outcome FROM tenant_operations WHERE command = 'cleanup'"),
        "failed"
    );
    assert_eq!(
        fleet.sql(
            "SELECT string_agg(slug || ' ' || result.outcome, ',') FROM tenant_operation_results AS result \
             JOIN tenant_operations AS operation ON operation.id = operation_id WHERE command = 'cleanup'"
        ),
        "t02 failed"
    );
}
