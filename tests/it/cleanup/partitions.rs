//! Partitions go as a whole only where their bounds tell of the policy's own column, and nobody waits for that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::actions::files;
use super::{ask, cleanup, each, fleet, policy};
use crate::support::{Fleet, Holder, archived_rows, psql};

/// Logs by range of their time, of which those of 2019 have a partition.
const LOGS: &str = "CREATE TABLE logs (id int, at timestamptz NOT NULL, what text, PRIMARY KEY (id, at)) \
                    PARTITION BY RANGE (at); \
                    CREATE TABLE logs_2019 PARTITION OF logs FOR VALUES FROM ('2019-01-01') TO ('2020-01-01'); \
                    CREATE TABLE logs_rest PARTITION OF logs DEFAULT";
/// Rows of 2019, and as many of these days.
const FILL: &str = "INSERT INTO logs SELECT n, timestamptz '2019-06-01' + n * interval '1 minute', 'old' \
                    FROM generate_series(1, 300) n; \
                    INSERT INTO logs SELECT n, now() - n * interval '1 minute', 'new' FROM generate_series(1, 300) n";

/// What there is of each kind, and whether the partition of 2019 is still one.
const LEFT: &str = "SELECT count(*) FILTER (WHERE what = 'old'), count(*) FILTER (WHERE what = 'new'), \
                    (SELECT count(*) FROM pg_inherits WHERE inhrelid = to_regclass('logs_2019')) FROM logs";

fn logs(more: &str, policy_says: &str) -> Fleet {
    let fleet = fleet(
        &format!("{LOGS}; {more}"),
        1,
        &policy("logs", "at", &format!("max_fraction = 1\n{policy_says}")),
    );
    each(&fleet, FILL);
    fleet
}

#[test]
fn partitions_by_another_column_than_the_policys_keep_what_is_not_due() {
    let tables = "CREATE TABLE docs (id int, created_at timestamptz NOT NULL, deleted_at timestamptz) \
                  PARTITION BY RANGE (created_at); \
                  CREATE TABLE docs_2019 PARTITION OF docs FOR VALUES FROM ('2019-01-01') TO ('2020-01-01')";
    let fleet = fleet(tables, 1, &policy("docs", "deleted_at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO docs SELECT n, '2019-06-01', '2019-07-01' FROM generate_series(1, 300) n; \
         INSERT INTO docs SELECT n, '2019-06-01', CASE WHEN n % 2 = 0 THEN now() END FROM generate_series(301, 600) n",
    );
    let json = cleanup(&fleet, &["--days", "50", "-o", "json"]).success().json();
    assert_eq!(json["rows"], 300, "{json}");
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT count(*), min(id), to_regclass('docs_2019') FROM docs"
        ),
        "300|301|docs_2019"
    );
}

#[test]
fn partitions_whose_key_is_more_or_less_than_the_column_go_row_by_row() {
    // Each holds rows of all times, whatever its bounds say.
    let keys = [
        ("RANGE (id, at)", "FROM (0, '2019-01-01') TO (9999, '2020-01-01')"),
        ("RANGE (at, id)", "FROM ('2019-01-01', 0) TO ('2030-01-01', 9999)"),
        (
            "RANGE ((at - interval '20 years'))",
            "FROM ('1990-01-01') TO ('2015-01-01')",
        ),
        ("LIST ((date_part('year', at) > 2000))", "IN (true)"),
        ("HASH (at)", "WITH (MODULUS 1, REMAINDER 0)"),
    ];
    let tables = keys.iter().zip(1..).map(|((key, bounds), number)| {
        format!(
            "CREATE TABLE t{number} (id int, at timestamp NOT NULL) PARTITION BY {key}; \
             CREATE TABLE t{number}_part PARTITION OF t{number} FOR VALUES {bounds};"
        )
    });
    let policies = (1..=keys.len()).map(|number| policy(&format!("t{number}"), "at", "max_fraction = 1"));
    let fleet = fleet(&tables.collect::<String>(), 1, &policies.collect::<String>());
    for number in 1..=keys.len() {
        each(
            &fleet,
            &format!(
                "INSERT INTO t{number} SELECT n, CASE WHEN n % 2 = 0 THEN timestamp '2019-06-01' \
                 ELSE now() AT TIME ZONE 'UTC' END FROM generate_series(1, 200) n"
            ),
        );
    }
    cleanup(&fleet, &["--days", "50"]).success();
    for (number, (key, _)) in (1..).zip(keys) {
        assert_eq!(
            ask(
                &fleet,
                "t01",
                &format!("SELECT count(*), count(*) FILTER (WHERE id % 2 = 1) FROM t{number}_part")
            ),
            "100|100",
            "{key}"
        );
    }
}

#[test]
fn rows_of_a_partition_that_others_refer_to_are_kept() {
    let fleet = logs(
        "CREATE TABLE notes (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES logs)",
        "",
    );
    each(
        &fleet,
        "INSERT INTO notes SELECT id, at FROM logs WHERE what = 'old' AND id <= 100",
    );
    let json = cleanup(&fleet, &["--days", "50", "-o", "json"]).success().json();
    let taken = &json["tenants"][0]["policies"][0];
    assert_eq!(
        (&taken["rows"], &taken["kept"]),
        (&200.into(), &100.into()),
        "{json}"
    );
    assert_eq!(ask(&fleet, "t01", LEFT), "100|300|1");
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM notes"), "100");
}

#[test]
fn what_hangs_on_the_rows_of_a_partition_goes_along_and_is_counted() {
    let fleet = logs(
        "CREATE TABLE notes (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES logs ON DELETE CASCADE)",
        "",
    );
    each(
        &fleet,
        "INSERT INTO notes SELECT id, at FROM logs WHERE id <= 100",
    );
    let json = cleanup(&fleet, &["--days", "50", "-o", "json"]).success().json();
    assert_eq!(json["rows"], 400, "{json}");
    assert_eq!(ask(&fleet, "t01", LEFT), "0|300|1");
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT count(*), count(*) FILTER (WHERE at < now() - interval '1 year') FROM notes"
        ),
        "100|0"
    );
}

#[test]
fn rows_of_a_partition_that_a_key_to_it_alone_refers_to_are_kept() {
    let fleet = logs(
        "CREATE TABLE notes (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES logs_2019)",
        "",
    );
    each(
        &fleet,
        "INSERT INTO notes SELECT id, at FROM logs WHERE what = 'old' AND id <= 3",
    );
    let json = cleanup(&fleet, &["--days", "50", "-o", "json"]).success().json();
    let taken = &json["tenants"][0]["policies"][0];
    assert_eq!(
        (&taken["rows"], &taken["kept"]),
        (&297.into(), &3.into()),
        "{json}"
    );
    assert_eq!(ask(&fleet, "t01", LEFT), "3|300|1");
}

#[test]
fn what_would_go_along_with_a_part_of_a_table_unseen_is_not_lost_to_an_archive() {
    let notes = "CREATE TABLE notes (id int, at timestamptz, \
                 FOREIGN KEY (id, at) REFERENCES logs_2019 ON DELETE CASCADE)";
    let left = "SELECT (SELECT count(*) FROM logs), (SELECT count(*) FROM notes)";
    for (action, code, expected) in [("archive", 2, "600|3"), ("delete", 0, "300|0")] {
        let fleet = logs(notes, &format!("action = '{action}'"));
        each(
            &fleet,
            "INSERT INTO notes SELECT id, at FROM logs WHERE what = 'old' AND id <= 3",
        );
        let run = cleanup(&fleet, &["--days", "50"]).exits(code);
        if code != 0 {
            run.says("rows refer to a part of `logs` alone")
                .says("are not archived");
        }
        assert_eq!(ask(&fleet, "t01", left), expected, "{action}");
    }
}

#[test]
fn what_would_go_along_with_an_heir_unseen_is_not_lost_to_an_archive() {
    let tables = "CREATE TABLE logs (id int, at timestamptz); \
                  CREATE TABLE more_logs (PRIMARY KEY (id)) INHERITS (logs); \
                  CREATE TABLE notes (id int REFERENCES more_logs ON DELETE CASCADE)";
    let fleet = fleet(
        tables,
        1,
        &policy("logs", "at", "action = 'archive'\nmax_fraction = 1"),
    );
    each(
        &fleet,
        "INSERT INTO more_logs VALUES (1, '2020-01-01'); INSERT INTO notes VALUES (1)",
    );
    cleanup(&fleet, &["--days", "50"])
        .exits(2)
        .says("rows refer to a part of `logs` alone");
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT (SELECT count(*) FROM logs), (SELECT count(*) FROM notes)"
        ),
        "1|1"
    );
}

#[test]
fn the_rows_of_a_whole_partition_are_archived() {
    let fleet = logs("", "action = 'archive'");
    let json = cleanup(&fleet, &["--days", "50", "-o", "json"]).success().json();
    assert_eq!(json["rows"], 300, "{json}");
    let files = files(&fleet, "t01");
    assert_eq!(files.len(), 1, "{files:?}");
    let rows = archived_rows(&files[0]);
    let mut ids: Vec<u64> = rows.iter().filter_map(|row| row["id"].as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=300).collect::<Vec<u64>>());
    assert!(rows.iter().all(|row| row["what"] == "old"));
    assert_eq!(ask(&fleet, "t01", LEFT), "0|300|1");
}

#[test]
fn the_rows_of_a_whole_partition_are_redacted_and_stay() {
    let fleet = logs("", "action = 'redact'\nset = { what = \"'gone'\" }");
    cleanup(&fleet, &["--days", "50"])
        .success()
        .says("300 rows redacted");
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT count(*), count(*) FILTER (WHERE what = 'gone') FROM logs_2019"
        ),
        "300|300"
    );
    assert_eq!(ask(&fleet, "t01", LEFT), "0|300|1");
}

#[test]
fn a_whole_partition_with_more_than_half_of_the_rows_needs_a_yes() {
    let fleet = fleet(LOGS, 1, &policy("logs", "at", ""));
    each(
        &fleet,
        &format!("{FILL}; INSERT INTO logs SELECT n, '2019-02-01', 'old' FROM generate_series(1, 2300) n"),
    );
    cleanup(&fleet, &["--days", "50"])
        .exits(1)
        .says("policy `old-logs` would take 2,600 of 2,900 rows of `logs`, more than the 50 %");
    assert_eq!(ask(&fleet, "t01", LEFT), "2600|300|1");
    cleanup(&fleet, &["--days", "50", "--yes"]).success();
    assert_eq!(ask(&fleet, "t01", LEFT), "0|300|0");
}

#[test]
fn bounds_are_understood_whatever_the_database_writes_dates_like() {
    // In summer Dublin has a word for its zone that means an hour earlier elsewhere; Jakarta's is known to nobody.
    for zone in ["Europe/Dublin", "Asia/Jakarta"] {
        let fleet = logs("", "");
        let name = fleet.database.name();
        fleet.sql(&format!(
            "ALTER DATABASE \"{name}\" SET datestyle = 'SQL, DMY'; ALTER DATABASE \"{name}\" SET timezone = '{zone}'"
        ));
        let summer = "date_trunc('year', now() - interval '7 months') + interval '6 months 14 days'";
        let days = fleet.sql(&format!("SELECT extract(day FROM now() - ({summer}))::int"));
        let cut_off = format!("now() - {days} * interval '24 hours'");
        fleet.sql(&format!(
            "SET search_path = tenant_t01; SET datestyle = iso; \
             DO $$ BEGIN EXECUTE format('CREATE TABLE logs_edge PARTITION OF logs FOR VALUES FROM (%L) TO (%L)', \
                 timestamptz '2020-02-01', {cut_off} + interval '30 minutes'); END $$; \
             INSERT INTO logs VALUES (1, {cut_off} + interval '15 minutes', 'new'), \
                 (2, {cut_off} - interval '15 minutes', 'old')"
        ));
        cleanup(&fleet, &["--days", &days]).success();
        assert_eq!(ask(&fleet, "t01", LEFT), "0|301|0", "{zone}");
        assert_eq!(ask(&fleet, "t01", "SELECT what FROM logs_edge"), "new", "{zone}");
    }
}

/// Counts rows again and again until told to stop, and returns the longest time that took.
fn read(url: &str, is_over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let started = Instant::now();
        psql(url, "SELECT count(*) FROM tenant_t01.logs").expect("reads");
        longest = longest.max(started.elapsed());
    }
    longest
}

#[test]
fn a_partition_that_somebody_reads_is_left_and_no_other_reader_waits_for_it() {
    let fleet = logs("", "");
    let holder = Holder::of(&fleet.database, "SELECT count(*) FROM tenant_t01.logs_2019");
    let is_over = AtomicBool::new(false);
    let (longest, run) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(fleet.database.url(), &is_over));
        let run = cleanup(&fleet, &["--days", "50", "-v"]);
        is_over.store(true, Ordering::Relaxed);
        (reader.join().expect("no panic"), run)
    });
    run.success()
        .says("partition tenant_t01.logs_2019 is in use, its rows go in batches")
        .says("300 rows removed");
    // The locks are waited for by a twentieth of a second at a time. A busy machine may stand still beside it, and not for
    // as long as a migration would wait.
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert_eq!(ask(&fleet, "t01", LEFT), "0|300|1");
    drop(holder);
    cleanup(&fleet, &["--days", "50"]).success();
    assert_eq!(ask(&fleet, "t01", LEFT), "0|300|0");
}
