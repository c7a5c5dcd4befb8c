//! Runs beside others: what is held, who is skipped, when a run ends.

use std::fs;
use std::time::{Duration, Instant};

use super::{FILL, LOGS, ask, cleanup, each, fleet, logs, policy};
use crate::support::{Holder, Program, Run, wait_until};

#[test]
fn rows_that_somebody_holds_are_passed_over_and_reported() {
    let fleet = logs(1);
    let holder = Holder::of(
        &fleet.database,
        "UPDATE tenant_t01.logs SET done = true WHERE id BETWEEN 2000 AND 2004",
    );
    let run = cleanup(&fleet, &["--days", "60"]).success();
    assert!(run.stderr.contains("956 rows removed"), "{}", run.stderr);
    run.says("5 due rows were left: somebody held them");
    drop(holder);
    assert_eq!(
        ask(&fleet, "t01", "SELECT count(*) FROM logs WHERE id > 1440"),
        "5"
    );
    cleanup(&fleet, &["--days", "60"])
        .success()
        .says("5 rows removed");
}

#[test]
fn what_is_kept_and_what_is_held_is_counted_over_all_partitions() {
    let tables = "CREATE TABLE orders (id int PRIMARY KEY, at timestamptz) PARTITION BY HASH (id); \
                  CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
                  CREATE TABLE orders_1 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 1); \
                  CREATE TABLE bills (id int PRIMARY KEY, \"order\" int REFERENCES orders)";
    let fleet = fleet(tables, 1, &policy("orders", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO orders SELECT n, '2020-01-01' FROM generate_series(1, 200) n; \
         INSERT INTO bills SELECT n, n FROM generate_series(1, 20) n",
    );
    let _holder = Holder::of(
        &fleet.database,
        "UPDATE tenant_t01.orders SET at = at WHERE id BETWEEN 101 AND 130",
    );
    let json = cleanup(&fleet, &["--days", "60", "-o", "json"]).success().json();
    let taken = &json["tenants"][0]["policies"][0];
    assert_eq!(
        (&taken["rows"], &taken["kept"], &taken["locked"], &taken["left"]),
        (&150.into(), &20.into(), &30.into(), &0.into())
    );
}

#[test]
fn children_that_somebody_holds_keep_their_parents_alone() {
    let tables = "CREATE TABLE parents (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE)";
    let fleet = fleet(tables, 1, &policy("parents", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO parents SELECT n, '2020-01-01' FROM generate_series(1, 300) n; \
         INSERT INTO children SELECT n, n FROM generate_series(1, 300) n",
    );
    let _holder = Holder::of(
        &fleet.database,
        "UPDATE tenant_t01.children SET parent = parent WHERE id = 77",
    );
    let run = cleanup(&fleet, &["--days", "60"]).success();
    assert!(run.stderr.contains("598 rows removed"), "{}", run.stderr);
    assert_eq!(ask(&fleet, "t01", "SELECT id FROM parents"), "77");
}

#[test]
fn the_tenants_under_legal_hold_and_the_suspended_are_skipped() {
    let fleet = logs(3);
    fleet
        .run(&["update", "t01", "--metadata", "{\"legal_hold\": true}"])
        .success();
    fleet.run(&["suspend", "t02"]).success();
    cleanup(&fleet, &["--days", "60"])
        .success()
        .says("skipped `t01`: legal hold")
        .says("skipped 1 tenant: suspended");
    let rows = |tenant: &str| ask(&fleet, tenant, "SELECT count(*) FROM logs");
    assert_eq!(
        (rows("t01"), rows("t02"), rows("t03")),
        ("2400".into(), "2400".into(), "1439".into())
    );
    cleanup(&fleet, &["--days", "60", "--inactive"]).success();
    assert_eq!((rows("t01"), rows("t02")), ("2400".into(), "1439".into()));
}

#[test]
fn a_hold_that_comes_during_a_run_ends_it() {
    let fleet = fleet(LOGS, 1, &policy("logs", "at", "batch_size = 50"));
    each(&fleet, FILL);
    let child = fleet
        .program()
        .spawn(&["cleanup", "--days", "60", "--pause", "200ms"]);
    wait_until("some rows are gone", || {
        ask(&fleet, "t01", "SELECT count(*) FROM logs") != "2400"
    });
    fleet
        .run(&["update", "t01", "--metadata", "{\"legal_hold\": true}"])
        .success();
    Run::of(child)
        .success()
        .says("skipped `t01`: it is under legal hold");
    let rows: u32 = ask(&fleet, "t01", "SELECT count(*) FROM logs")
        .parse()
        .expect("a number");
    assert!(rows > 1439, "{rows}");
}

#[test]
fn a_second_run_is_told_who_is_cleaning() {
    let fleet = fleet(LOGS, 1, &policy("logs", "at", "batch_size = 50"));
    each(&fleet, FILL);
    let child = fleet
        .program()
        .spawn(&["cleanup", "--days", "60", "--pause", "200ms"]);
    wait_until("some rows are gone", || {
        ask(&fleet, "t01", "SELECT count(*) FROM logs") != "2400"
    });
    cleanup(&fleet, &["--days", "60"])
        .exits(6)
        .says("another run is cleaning up this database (pid ")
        .says("tenantctl cleanup");
    Run::of(child).success();
    cleanup(&fleet, &["--days", "60"]).success();
}

#[test]
fn a_run_ends_in_its_time_and_the_next_begins_where_it_ended() {
    let fleet = fleet(LOGS, 6, &policy("logs", "at", "batch_size = 50"));
    each(&fleet, FILL);
    let arguments = [
        "--days",
        "60",
        "-j",
        "1",
        "--pause",
        "100ms",
        "--max-duration",
        "2s",
        "-o",
        "json",
    ];
    let first = cleanup(&fleet, &arguments).success().json();
    let not_reached: Vec<&str> = first["not_reached"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|slug| slug.as_str())
        .collect();
    assert!(!not_reached.is_empty() && not_reached.len() < 6, "{first}");
    assert!(first["tenants"].to_string().contains("\"left\":"), "{first}");
    assert!(
        first["elapsed_ms"].as_u64().is_some_and(|ms| ms < 9000),
        "{first}"
    );
    let logged = fleet.database.sql(
        "SELECT string_agg(DISTINCT message, '') || ' ' || string_agg(slug, ' ' ORDER BY slug) \
         FROM tenant_operation_results WHERE outcome = 'skipped'",
    );
    assert_eq!(
        logged,
        format!("the run was over before its turn {}", not_reached.join(" "))
    );
    let second = cleanup(&fleet, &arguments).success().json();
    let begun = second["tenants"][0]["tenant"].as_str().expect("a tenant");
    assert_eq!(begun, not_reached[0], "{second}");
    cleanup(&fleet, &["--days", "60"]).success();
    for tenant in fleet.slugs(6) {
        assert_eq!(ask(&fleet, &tenant, "SELECT count(*) FROM logs"), "1439");
    }
}

#[test]
fn a_signal_ends_a_run_between_two_batches() {
    let fleet = fleet(LOGS, 2, &policy("logs", "at", "batch_size = 50"));
    each(&fleet, FILL);
    let child = fleet
        .program()
        .spawn(&["cleanup", "--days", "60", "-j", "1", "--pause", "200ms"]);
    wait_until("some rows are gone", || {
        ask(&fleet, "t01", "SELECT count(*) FROM logs") != "2400"
    });
    crate::support::signal(child.id(), "TERM");
    Run::of(child).exits(130);
    assert_eq!(
        ask(&fleet, "t01", "SELECT count(*) > 1500 FROM logs"),
        "t",
        "it went on to the end"
    );
    assert_eq!(ask(&fleet, "t02", "SELECT count(*) FROM logs"), "2400");
}

#[test]
fn quiet_runs_say_nothing_as_long_as_all_is_well() {
    let fleet = logs(2);
    let run = cleanup(&fleet, &["--days", "60", "--quiet"]).success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    fleet.sql("DROP TABLE tenant_t02.logs");
    let run = cleanup(&fleet, &["--days", "60", "--quiet"]).exits(3);
    assert!(run.stderr.contains("there is no table `logs`"), "{}", run.stderr);
}

#[test]
fn metrics_are_a_file_that_is_whole_at_any_time() {
    let fleet = logs(2);
    let file = fleet.folder().join("cleanup.prom");
    let path = file.display().to_string();
    fs::write(&file, "old").expect("written");
    cleanup(&fleet, &["--days", "60", "--metrics-file", &path]).success();
    let text = fs::read_to_string(&file).expect("readable");
    for line in [
        "tenantctl_cleanup_last_run_success 1",
        "tenantctl_cleanup_rows{policy=\"old-logs\",action=\"delete\"} 1922",
        "tenantctl_cleanup_tenants{outcome=\"done\"} 2",
        "tenantctl_cleanup_tenants{outcome=\"failed\"} 0",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().expect("a value");
        assert!(
            line.starts_with("tenantctl_cleanup_") && value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
    assert_eq!(
        fs::read_dir(fleet.folder())
            .expect("readable")
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().contains("tmp"))
            .count(),
        0
    );
    cleanup(
        &fleet,
        &["--days", "50", "--metrics-file", &format!("{path}/x.prom")],
    )
    .exits(1)
    .says("the metrics could not be written");
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "1199");
}

#[test]
fn a_run_that_fails_leaves_no_success_of_another_day_in_its_metrics() {
    let fleet = logs(1);
    let file = fleet.folder().join("cleanup.prom");
    let path = file.display().to_string();
    let run = |program: Program, more: &[&str]| {
        program.run(&[&["cleanup", "--days", "60", "--metrics-file", &path], more].concat())
    };
    let is_success = || {
        let text = fs::read_to_string(&file).expect("readable");
        let line = text
            .lines()
            .find(|line| line.starts_with("tenantctl_cleanup_last_run_success "));
        line.expect("the metric").ends_with(" 1")
    };
    let well = || {
        run(fleet.program(), &[]).success();
        assert!(is_success());
    };
    well();
    let gone = "postgresql://tenantctl@/x?host=/nonexistent";
    run(fleet.program().env("DATABASE_URL", gone), &["--dry-run"]).exits(5);
    assert!(is_success(), "a dry run leaves the file alone");
    run(fleet.program().env("DATABASE_URL", gone), &[]).exits(5);
    assert!(!is_success());
    well();
    run(fleet.program(), &["--policy", "unknown"]).exits(2);
    assert!(!is_success());
    well();
    fleet.sql("ALTER TABLE tenant_template.logs RENAME COLUMN at TO since");
    run(fleet.program(), &[]).exits(2).says("no column `at`");
    assert!(!is_success());
}

#[test]
fn vacuum_ends_with_the_time_that_was_given() {
    let fleet = logs(1);
    // Some minutes for the pages of the table.
    fleet.sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET vacuum_cost_delay = 100', current_database()); \
             EXECUTE format('ALTER DATABASE %I SET vacuum_cost_limit = 1', current_database()); END $$",
    );
    let started = Instant::now();
    cleanup(&fleet, &["--days", "60", "--vacuum", "--max-duration", "3s"]).success();
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "1439");
}

#[test]
fn vacuum_makes_the_room_free() {
    let fleet = logs(1);
    cleanup(&fleet, &["--days", "60", "--vacuum"]).success();
    // Where autovacuum is at it just then, it is left to that.
    let sql = "SELECT vacuum_count + autovacuum_count > 0 FROM pg_stat_all_tables \
               WHERE schemaname = 'tenant_t01' AND relname = 'logs'";
    wait_until("the statistics are there", || fleet.sql(sql) == "t");
}

#[test]
fn a_run_is_in_the_operation_log() {
    let fleet = logs(1);
    cleanup(&fleet, &["--days", "60"]).success();
    assert_eq!(
        fleet.sql(
            "SELECT command, outcome, details ->> 'days' FROM tenant_operations ORDER BY id DESC LIMIT 1"
        ),
        "cleanup|done|60"
    );
}

#[test]
fn a_table_that_is_dropped_while_it_is_measured_fails_its_own_tenant_alone() {
    let fleet = logs(2);
    for tenant in ["t01", "t02"] {
        fleet.sql(&format!("VACUUM tenant_{tenant}.logs"));
    }
    std::thread::scope(|scope| {
        scope.spawn(|| fleet.sql("DROP TABLE tenant_t02.logs; SELECT pg_sleep(2)"));
        wait_until("the table is being dropped", || {
            fleet.sql(
                "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = \
                       'tenant_t02.logs'::regclass",
            ) == "1"
        });
        // The first reads what all of them are like.
        let run = cleanup(&fleet, &["--days", "60", "--jobs", "1"]).exits(3);
        assert!(!run.stderr.contains("t01 "), "{}", run.stderr);
        run.says("1 of 2 tenants failed").says("t02");
    });
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "1439");
}

#[test]
fn a_time_that_never_ends_is_none() {
    let fleet = logs(1);
    let forever = [
        "--days",
        "60",
        "--dry-run",
        "--max-duration",
        "9223372036854775807s",
    ];
    cleanup(&fleet, &forever).success();
}
