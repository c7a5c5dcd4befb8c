//! Killing the client while it works: nothing that should stay is gone, nothing archived is lost or there twice.

use std::time::Duration;

use super::actions::{archiving, files};
use super::{ask, cleanup};
use crate::support::{Random, Run, archived_rows};

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
