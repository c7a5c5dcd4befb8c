//! Sizes while others change, make and drop what is measured.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{filled, names, number, total_of};
use crate::support::{Database, Holder, Run, client, wait_until};

/// psql with a script that runs beside the test.
fn beside(database: &Database, script: &str) -> Child {
    client("psql")
        .args([database.url(), "-Xq", "-v", "ON_ERROR_STOP=1", "-c", script])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("psql is installed with the server")
}

/// Runs `sizes --exact`, which must not take as long as somebody who waits.
fn measured(database: &Database) -> Run {
    let started = Instant::now();
    let run = database.run(&["sizes", "--exact", "-o", "json"]).success();
    assert!(started.elapsed() < Duration::from_secs(20), "it waited");
    run
}

#[test]
fn a_table_that_is_being_changed_is_estimated_and_named_while_all_others_are_exact() {
    for script in [
        "LOCK TABLE tenant_acme.users IN ACCESS EXCLUSIVE MODE",
        "ALTER TABLE tenant_acme.users ADD COLUMN extra int",
        "REINDEX INDEX tenant_acme.users_email_key",
        "DROP INDEX tenant_acme.users_email_key",
    ] {
        let database = filled();
        let before = total_of(&database, "tenant_acme");
        let estimate =
            database.sql("SELECT relpages * 8192 FROM pg_class WHERE oid = 'tenant_acme.users'::regclass");
        let _holder = Holder::of(&database, script);
        let run = measured(&database).says("`acme`.users");
        let json = run.json();
        let acme = json["rows"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|row| row["tenant"] == "acme");
        let acme = acme.expect("acme is there");
        assert!(number(&acme["changing_tables"]) >= 1, "{script}: {json}");
        // The catalogs were fresh, but do not count the maps of free room.
        let found = number(&acme["total_bytes"]);
        assert!(
            (before - found).abs() < 200_000 && found > 1_000_000,
            "{script}: {found}, not {before}"
        );
        for slug in ["globex", "initech"] {
            let row = json["rows"]
                .as_array()
                .expect("a list")
                .iter()
                .find(|row| row["tenant"] == slug);
            assert_eq!(row.expect("there")["changing_tables"], 0);
        }
        let tables = database
            .run(&["sizes", "--tenant", "acme", "--exact", "-o", "json"])
            .success()
            .json();
        let users = tables["rows"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|row| row["table"] == "users");
        assert_eq!(
            number(&users.expect("there")["table_bytes"]).to_string(),
            estimate,
            "{script}"
        );
    }
}

#[test]
fn nobody_queues_behind_a_change_that_itself_waits() {
    let database = filled();
    let reader = Holder::of(&database, "SELECT count(*) FROM tenant_acme.users");
    let mut writer = beside(&database, "ALTER TABLE tenant_acme.users ADD x int");
    wait_until("the change waits", || database.somebody_waits());
    measured(&database)
        .says("`acme`.users is being changed by another session; the size of it is an estimate");
    reader.commit();
    assert!(writer.wait().expect("ended").success());
}

#[test]
fn changes_that_come_and_go_never_fail_a_run_or_hold_it_up() {
    let database = filled();
    let change = "DO $$ BEGIN FOR n IN 1..400 LOOP \
                  EXECUTE format('ALTER TABLE tenant_%s.%s ADD COLUMN IF NOT EXISTS extra int', \
                  (ARRAY['acme','globex','wayne'])[1 + n % 3], (ARRAY['users','sessions','audit_logs'])[1 + n / 3 % 3]); \
                  PERFORM pg_sleep(0.01); COMMIT; END LOOP; END $$";
    let mut changers: Vec<Child> = (0..3).map(|_| beside(&database, change)).collect();
    let started = Instant::now();
    let mut runs = 0;
    while changers
        .iter_mut()
        .any(|changer| changer.try_wait().expect("a child").is_none())
        || runs == 0
    {
        let json = measured(&database).json();
        assert_eq!(names(&json, "tenant").len(), 5);
        assert_eq!(json["totals"]["tables"], 45);
        runs += 1;
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "the changes do not end"
        );
    }
    assert!(runs > 3, "{runs} runs while others changed");
    for changer in &mut changers {
        assert!(changer.wait().expect("ended").success(), "a change failed");
    }
}

#[test]
fn tenants_that_come_and_go_are_no_error() {
    let database = filled();
    for round in 0..6 {
        let slug = format!("brief-{round}");
        database.run(&["create", &slug]).success();
        let drop = database.program().spawn(&["drop", &slug, "--yes", "--no-backup"]);
        let runs: Vec<Run> = (0..4).map(|_| measured(&database)).collect();
        Run::of(drop).success();
        for run in runs {
            let json = run.json();
            assert_eq!(json["failed"], serde_json::json!([]));
            let seen = names(&json, "tenant");
            assert!(seen.len() == 5 || seen.contains(&slug), "{seen:?}");
        }
    }
}

#[test]
fn a_tenant_that_is_dropped_after_it_was_chosen_is_skipped() {
    let database = filled();
    database.sql(
        "CREATE TABLE tenant_acme.events (day date) PARTITION BY RANGE (day); \
         CREATE TABLE tenant_acme.events_1 PARTITION OF tenant_acme.events DEFAULT",
    );
    // Whose partition a table is, is read after the tenants are chosen. What stops that reading drops one of them.
    let script = "BEGIN; LOCK TABLE pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE; \
                  SET application_name = 'holds'; \
                  DO $$ BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = \
                  (SELECT oid FROM pg_database WHERE datname = current_database())); \
                  PERFORM pg_sleep(0.02); END LOOP; END $$; \
                  DROP SCHEMA tenant_acme CASCADE; DELETE FROM public.tenants WHERE slug = 'acme'; COMMIT";
    let mut dropper = beside(&database, script);
    wait_until("the catalog is locked", || {
        database.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holds'",
        ) != "0"
    });
    let run = database.run(&["sizes", "-o", "json"]).success();
    assert!(dropper.wait().expect("ended").success());
    let json = run.json();
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["skipped"], serde_json::json!(["acme"]));
    run.says("skipped `acme`: it was dropped meanwhile");
}
