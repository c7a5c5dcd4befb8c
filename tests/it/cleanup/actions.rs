//! What becomes of the rows: archived, redacted, or dropped with their partition.

use std::fs;
use std::path::PathBuf;

use super::{FILL, LOGS, ask, cleanup, each, fleet, policy};
use crate::support::{Fleet, Run, archived_rows, wait_until};

/// A fleet whose logs are archived.
pub(super) fn archiving(tenants: usize) -> Fleet {
    let fleet = fleet(
        LOGS,
        tenants,
        &policy(
            "logs",
            "at",
            "action = 'archive'\nbatch_size = 300\nmax_fraction = 1",
        ),
    );
    each(&fleet, FILL);
    fleet
}

/// The archives of a tenant's table.
pub(super) fn files(fleet: &Fleet, tenant: &str) -> Vec<PathBuf> {
    let folder = fleet.folder().join("archive").join(tenant);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).collect()
}

#[test]
fn archived_rows_are_in_a_file_of_the_tenants_table() {
    let fleet = archiving(2);
    let expected = ask(
        &fleet,
        "t01",
        "SELECT string_agg(id::text, ',' ORDER BY id) FROM logs WHERE at < now() - interval '60 days'",
    );
    cleanup(&fleet, &["--days", "60"]).success();
    let files = files(&fleet, "t01");
    assert_eq!(files.len(), 1, "{files:?}");
    let name = files[0]
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    assert!(
        name.starts_with("logs-20") && name.ends_with(".jsonl.zst"),
        "{name}"
    );
    let rows = archived_rows(&files[0]);
    let mut ids: Vec<u64> = rows.iter().filter_map(|row| row["id"].as_u64()).collect();
    ids.sort_unstable();
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(ids.join(","), expected);
    assert_eq!(rows[0]["what"], "x");
    assert_eq!(
        fleet.sql(&format!(
            "SELECT bytes = {}, row_count, is_open FROM tenant_archives WHERE slug = 't01'",
            fs::metadata(&files[0]).expect("there").len()
        )),
        "t|961|f"
    );
    cleanup(&fleet, &["--days", "60"]).success();
    assert_eq!(
        super::actions::files(&fleet, "t01").len(),
        1,
        "a run without rows writes no file"
    );
}

#[test]
fn redacted_rows_stay_without_what_they_said_and_are_redacted_once() {
    let redact = "action = 'redact'\nset = { what = \"'gone ' || id\", done = 'true' }";
    let fleet = fleet(LOGS, 1, &policy("logs", "at", redact));
    each(&fleet, FILL);
    let json = cleanup(&fleet, &["--days", "60", "-o", "json"]).success().json();
    assert_eq!(json["rows"], 961);
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT count(*), count(*) FILTER (WHERE done AND what = 'gone ' || id) FROM logs"
        ),
        "2400|961"
    );
    cleanup(&fleet, &["--days", "60"])
        .success()
        .says("0 rows redacted");
}

#[test]
fn whole_partitions_are_dropped_and_the_rest_of_their_table_goes_row_by_row() {
    let tables = "CREATE TABLE logs (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at); \
                  CREATE TABLE logs_2019 PARTITION OF logs FOR VALUES FROM ('2019-01-01') TO ('2020-01-01'); \
                  CREATE TABLE logs_2020 PARTITION OF logs FOR VALUES FROM ('2020-01-01') TO ('2021-01-01'); \
                  CREATE TABLE logs_rest PARTITION OF logs DEFAULT";
    let fleet = fleet(tables, 1, &policy("logs", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO logs SELECT n, timestamptz '2019-06-01' + n * interval '1 day' FROM generate_series(1, 500) n; \
         INSERT INTO logs SELECT n, now() - n * interval '1 day' FROM generate_series(1, 100) n",
    );
    let json = cleanup(&fleet, &["--days", "50", "--dry-run", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["rows"], 551);
    assert_eq!(
        json["tenants"][0]["policies"][0]["partitions"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let json = cleanup(&fleet, &["--days", "50", "-o", "json"]).success().json();
    assert_eq!(json["rows"], 551);
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "49");
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT to_regclass('logs_2019'), to_regclass('logs_2020'), to_regclass('logs_rest')"
        ),
        "||logs_rest"
    );
}

#[test]
fn partitions_of_which_a_condition_keeps_some_rows_stay() {
    let tables = "CREATE TABLE logs (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at); \
                  CREATE TABLE logs_2019 PARTITION OF logs FOR VALUES FROM ('2019-01-01') TO ('2020-01-01')";
    let fleet = fleet(tables, 1, &policy("logs", "at", "where = 'id % 2 = 0'"));
    each(
        &fleet,
        "INSERT INTO logs SELECT n, timestamptz '2019-06-01' FROM generate_series(1, 500) n",
    );
    cleanup(&fleet, &["--days", "50"]).success();
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs_2019"), "250");
}

#[test]
fn a_partition_without_a_beginning_goes_as_a_whole_unless_a_row_of_it_has_been_there_for_ever() {
    let tables = "CREATE TABLE logs (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at); \
                  CREATE TABLE logs_first PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('2019-01-01'); \
                  CREATE TABLE days (id int, at date NOT NULL) PARTITION BY RANGE (at); \
                  CREATE TABLE days_first PARTITION OF days FOR VALUES FROM ('-infinity') TO ('2019-01-01')";
    let policies = ["logs", "days"].map(|table| policy(table, "at", "max_fraction = 1"));
    let fleet = fleet(tables, 2, &policies.concat());
    for table in ["logs", "days"] {
        each(
            &fleet,
            &format!("INSERT INTO {table} VALUES (1, '2018-01-01'), (2, '2018-02-01')"),
        );
        ask(
            &fleet,
            "t01",
            &format!("INSERT INTO {table} VALUES (3, '-infinity')"),
        );
    }
    let counted = cleanup(&fleet, &["--days", "50", "--dry-run", "-o", "json"])
        .success()
        .json();
    let json = cleanup(&fleet, &["--days", "50", "-o", "json"]).success().json();
    for json in [&counted, &json] {
        assert_eq!(json["rows"], 8, "{json}");
        let partitions = |tenant: usize| json["tenants"][tenant]["policies"][0]["partitions"].to_string();
        assert_eq!(partitions(0), "[]");
        assert!(partitions(1).contains("_first"), "{json}");
    }
    let left = "SELECT (SELECT string_agg(id::text, ',') FROM logs), (SELECT string_agg(id::text, ',') FROM days), \
                to_regclass('logs_first'), to_regclass('days_first')";
    assert_eq!(ask(&fleet, "t01", left), "3|3|logs_first|days_first");
    assert_eq!(ask(&fleet, "t02", left), "|||");
}

#[test]
fn a_partition_that_a_view_needs_stays_and_its_rows_go_in_batches() {
    let tables = "CREATE TABLE logs (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at); \
                  CREATE TABLE logs_2019 PARTITION OF logs FOR VALUES FROM ('2019-01-01') TO ('2020-01-01'); \
                  CREATE VIEW those_days AS SELECT * FROM logs_2019";
    let fleet = fleet(tables, 1, &policy("logs", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO logs SELECT n, timestamptz '2019-06-01' FROM generate_series(1, 500) n",
    );
    let run = cleanup(&fleet, &["--days", "50"]).success();
    assert!(run.stderr.contains("500 rows removed"), "{}", run.stderr);
    run.says("partition tenant_t01.logs_2019 stays, and its rows go in batches")
        .says("other objects depend on it");
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT count(*), to_regclass('logs_2019') FROM logs"
        ),
        "0|logs_2019"
    );
    let again = cleanup(&fleet, &["--days", "50"]).success();
    assert!(!again.stderr.contains("stays"), "{}", again.stderr);
}

#[test]
fn a_tenant_that_is_tried_again_goes_on_in_another_archive_and_counts_once() {
    let tables = "CREATE TABLE parents (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE)";
    let policies = policy(
        "parents",
        "at",
        "action = 'archive'\nbatch_size = 100\nmax_fraction = 1",
    );
    let fleet = fleet(tables, 1, &policies);
    each(
        &fleet,
        "INSERT INTO parents SELECT n, '2020-01-01' FROM generate_series(1, 300) n; \
         INSERT INTO children SELECT n, n FROM generate_series(1, 300) n",
    );
    let run = fleet
        .program()
        .spawn(&["cleanup", "--days", "60", "--pause", "400ms", "-o", "json"]);
    wait_until("a batch is archived", || {
        fleet.sql("SELECT count(*) FROM tenant_archives WHERE bytes > 0") == "2"
    });
    // Longer than anything waits for a lock, and over before it is given up.
    fleet.sql("BEGIN; LOCK TABLE tenant_t01.children; SELECT pg_sleep(1.2); COMMIT");
    let json = Run::of(run).success().json();
    assert_eq!(json["rows"], 600, "{json}");
    assert_eq!(
        (&json["policies"][0]["rows"], &json["policies"][0]["tenants"]),
        (&600.into(), &1.into())
    );
    assert_eq!(json["tenants"][0]["policies"].as_array().map(Vec::len), Some(1));
    for table in ["parents", "children"] {
        let of_table = |file: &&PathBuf| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(table))
        };
        let all = files(&fleet, "t01");
        let files: Vec<&PathBuf> = all.iter().filter(of_table).collect();
        assert_eq!(files.len(), 2, "{all:?}");
        let rows = files.iter().flat_map(|file| archived_rows(file));
        let mut ids: Vec<u64> = rows.filter_map(|row| row["id"].as_u64()).collect();
        ids.sort_unstable();
        assert_eq!(ids, (1..=300).collect::<Vec<u64>>(), "{table}");
    }
    assert_eq!(
        fleet.sql("SELECT count(*), sum(row_count) FROM tenant_archives WHERE NOT is_open"),
        "4|600"
    );
}

#[test]
fn archived_values_are_whole_whatever_the_database_has_set() {
    let fleet = fleet(
        "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz NOT NULL, score float8, took interval, raw bytea)",
        1,
        &policy("logs", "at", "action = 'archive'\nmax_fraction = 1"),
    );
    let name = fleet.sql("SELECT current_database()");
    for setting in [
        "extra_float_digits = 0",
        "intervalstyle = 'sql_standard'",
        "bytea_output = 'escape'",
    ] {
        fleet.sql(&format!("ALTER DATABASE \"{name}\" SET {setting}"));
    }
    each(
        &fleet,
        "INSERT INTO logs VALUES (1, now() - interval '90 days', 0.1::float8 + 0.2, '1 day -02:00', '\\x00ff')",
    );
    cleanup(&fleet, &["--days", "60"]).success();
    let row = archived_rows(&files(&fleet, "t01")[0]).remove(0);
    assert_eq!(row["score"].to_string(), "0.30000000000000004");
    assert_eq!(row["took"], "1 day -02:00:00");
    assert_eq!(row["raw"], "\\x00ff");
}
