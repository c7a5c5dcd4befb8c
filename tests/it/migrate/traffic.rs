//! Migrating while the application works, and while tenants come and go.

use std::io::{BufRead, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::two_more;
use crate::support::{Fleet, Holder, Run, wait_until};

/// Reads a table again and again until told to stop, and returns the times that were long.
fn slow_reads(url: &str, sql: &str, is_over: &AtomicBool) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .expect("connects");
        tokio::spawn(connection);
        let mut slow = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let started = Instant::now();
            client.simple_query(sql).await.expect("reads");
            slow.extend(Some(started.elapsed()).filter(|time| *time > Duration::from_millis(150)));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        slow
    })
}

#[test]
fn readers_never_wait_longer_than_the_lock_timeout_and_the_blocker_is_named() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    let is_over = AtomicBool::new(false);
    let (mut slow, code, said) = std::thread::scope(|scope| {
        let report = Holder::called(
            "nightly-report",
            &fleet.database,
            "SELECT count(*) FROM tenant_t01.customers WHERE name <> 's3cret'",
        );
        let reader = scope.spawn(|| {
            let sql = "SELECT count(*) FROM tenant_t01.customers";
            slow_reads(fleet.database.url(), sql, &is_over)
        });
        let mut child = fleet.start(&[
            "--all",
            "--lock-timeout",
            "300ms",
            "--retries",
            "30",
            "-o",
            "json",
        ]);
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut said = String::new();
        while said.matches("\"retrying\"").count() < 4 {
            let read = stdout.read_line(&mut said).expect("text");
            assert_ne!(read, 0, "it has ended: {said}");
        }
        report.commit();
        stdout.read_to_string(&mut said).expect("text");
        let code = Run::of(child).code;
        is_over.store(true, Ordering::Relaxed);
        (reader.join().expect("no panic"), code, said)
    });
    assert_eq!(code, 0, "{said}");
    assert_eq!(fleet.versions(), "3:2");
    // Each attempt makes one reader wait for as long as the lock timeout allows, and a machine may stand still beside it. A
    // reader who waits for all attempts is the only one.
    slow.sort_unstable();
    let usual = slow.get(slow.len() / 2).expect("some have waited");
    assert!(*usual < Duration::from_millis(300 + 400), "{slow:?}");
    assert!(slow.len() > 1, "{slow:?}");
    let events: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let blocked = events
        .iter()
        .find(|event| event["event"] == "blocked")
        .expect("named");
    assert_eq!(blocked["tenant"], "t01");
    assert!(blocked["by"]["pid"].as_i64().is_some_and(|pid| pid > 0));
    assert!(
        blocked["by"]["who"]
            .as_str()
            .is_some_and(|who| who.contains("nightly-report"))
    );
    assert!(
        blocked["by"]["query"]
            .as_str()
            .is_some_and(|query| query.contains("SELECT count(*)"))
    );
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn a_blocker_is_named_even_when_every_connection_waits() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    fleet.migrate(&["t01", "t02", "--to", "2"]).success();
    let import = Holder::called(
        "import",
        &fleet.database,
        "LOCK TABLE tenant_t01.orders, tenant_t02.orders IN ROW EXCLUSIVE MODE",
    );
    let mut child = fleet.program().env("DATABASE_POOL_MAX", "2").spawn(&[
        "migrate",
        "--all",
        "--jobs",
        "2",
        "--lock-timeout",
        "900ms",
        "--retries",
        "30",
    ]);
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let mut words = String::new();
    while !words.contains("for a lock of pid") {
        let read = said.read_line(&mut words).expect("text");
        assert_ne!(read, 0, "it has ended: {words}");
    }
    import.commit();
    said.read_to_string(&mut words).expect("text");
    Run::of(child).success();
    assert!(words.contains("import"), "{words}");
    assert!(
        words.contains("t01: waiting") || words.contains("t02: waiting"),
        "{words}"
    );
}

#[test]
fn a_lock_that_is_never_released_fails_its_tenant_after_the_retries() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    let _holder = Holder::of(&fleet.database, "LOCK TABLE tenant_t01.customers");
    let arguments = [
        "--all",
        "--lock-timeout",
        "50ms",
        "--retries",
        "2",
        "--on-error",
        "continue",
    ];
    let run = fleet.migrate(&arguments).exits(3).says("55P03");
    assert_eq!(run.stderr.matches("again in").count(), 2, "{}", run.stderr);
    assert_eq!(fleet.versions(), "1:1 3:1");
    assert_eq!(fleet.log(), "partial: t01 failed, t02 done");
}

#[test]
fn tenants_that_come_and_go_meanwhile_end_up_with_the_template() {
    let fleet = Fleet::new(4);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let comings: Vec<_> = (0..2)
            .map(|who| {
                let (fleet, is_over) = (&fleet, &is_over);
                scope.spawn(move || {
                    let mut failed = Vec::new();
                    for number in 0.. {
                        if is_over.load(Ordering::Relaxed) {
                            break;
                        }
                        let slug = |which: &str| format!("c{who}-{number}-{which}");
                        let (stays, goes) = (slug("stays"), slug("goes"));
                        failed.push(fleet.run(&["create", "--quiet", &stays, &goes]));
                        failed.push(fleet.run(&["drop", "--no-backup", "--quiet", "--yes", &goes]));
                        // One that is being migrated at that moment is not dropped, and says so.
                        failed.retain(|run: &Run| run.code != 0 && run.code != 6);
                    }
                    failed
                })
            })
            .collect();
        for version in 2..6 {
            fleet.file(
                &format!("V{version}__add.sql"),
                &format!("ALTER TABLE customers ADD COLUMN v{version} int; SELECT pg_sleep(0.02)"),
            );
            fleet.migrate(&["--all", "--jobs", "2"]).success();
        }
        is_over.store(true, Ordering::Relaxed);
        let failed: Vec<Run> = comings
            .into_iter()
            .flat_map(|coming| coming.join().expect("no panic"))
            .collect();
        assert!(failed.is_empty(), "{failed:?}");
    });
    let tenants = fleet.sql("SELECT count(*) FROM tenants");
    assert_eq!(fleet.versions(), format!("5:{tenants}"));
    fleet
        .migrate(&["--all", "--deep"])
        .success()
        .says("nothing to do");
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn tenants_removed_by_hand_in_the_middle_are_told_apart() {
    let fleet = Fleet::new(6);
    fleet.file(
        "V2__slow.sql",
        "CREATE TABLE slow (); SELECT pg_sleep(CASE WHEN current_schema() = 'tenant_t01' THEN 1.5 ELSE 0 END)",
    );
    let child = fleet.start(&["--all", "--jobs", "1", "--on-error", "continue", "-o", "json"]);
    wait_until("the first tenant is under way", || {
        fleet.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()") == "1"
    });
    fleet.sql(
        "DROP SCHEMA tenant_t02 CASCADE; DELETE FROM tenants WHERE slug IN ('t02', 't04'); \
         DROP SCHEMA tenant_t03 CASCADE",
    );
    let run = Run::of(child).exits(3);
    let summary: serde_json::Value =
        serde_json::from_str(run.stdout.lines().last().expect("a summary")).expect("JSON");
    assert_eq!(summary["skipped"], serde_json::json!(["t02", "t04"]));
    assert_eq!(summary["failed"].as_array().map(Vec::len), Some(1));
    assert_eq!(summary["failed"][0]["tenant"], "t03");
    assert_eq!(
        fleet.log(),
        "partial: t01 done, t02 skipped, t03 failed, t04 skipped, t05 done, t06 done"
    );
    assert_eq!(fleet.history("tenant_t04"), "1");
    assert_eq!(fleet.versions(), "1:1 2:3");
}
