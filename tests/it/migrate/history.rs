//! Histories that are not what the files or the registry say, and refinery's own runner beside ours.

use std::path::Path;

use refinery_core::{Runner, load_sql_migrations};

use super::two_more;
use crate::support::Fleet;

/// A fleet of two at V3.
fn at_three() -> Fleet {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    fleet.migrate(&["--all"]).success();
    fleet
}

/// What refinery's own runner applies to a schema of the search path.
fn by_refinery(fleet: &Fleet, schema: &str, folder: &Path) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let url = format!("{}&options=-csearch_path%3D{schema}", fleet.database.url());
    runtime.block_on(async {
        let (mut client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .expect("connects");
        tokio::spawn(connection);
        let files = load_sql_migrations(folder).expect("files");
        let report = Runner::new(&files).run_async(&mut client).await;
        report
            .map(|report| {
                report
                    .applied_migrations()
                    .iter()
                    .map(ToString::to_string)
                    .collect()
            })
            .map_err(|error| error.to_string())
    })
}

#[test]
fn refinerys_own_runner_finds_nothing_to_do_after_ours_and_ours_after_its() {
    let fleet = at_three();
    fleet.file(
        "V20261121103000__stamp.sql",
        "ALTER TABLE orders ADD COLUMN stamp timestamptz",
    );
    fleet.file(
        "V20261121103001__singly.sql",
        "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY stamped ON orders (stamp)",
    );
    fleet.migrate(&["t01"]).success();
    let path = fleet.path("");
    for schema in ["tenant_template", "tenant_t01"] {
        assert_eq!(by_refinery(&fleet, schema, &path), Ok(Vec::new()));
    }
    // Only ours can leave a transaction alone.
    fleet.remove("V20261121103001__singly.sql");
    fleet.sql("DELETE FROM tenant_template.refinery_schema_history WHERE version = 20261121103001");
    assert_eq!(
        by_refinery(&fleet, "tenant_t02", &path),
        Ok(vec!["V20261121103000__stamp".to_owned()])
    );
    fleet
        .migrate(&["t02"])
        .success()
        .says("nothing to do")
        .says("the registry had another version for 1 tenant");
    assert_eq!(
        fleet.sql("SELECT schema_version FROM tenants WHERE slug = 't02'"),
        "20261121103000"
    );
}

#[test]
fn a_registry_that_is_wrong_is_corrected() {
    let fleet = at_three();
    for wrong in ["1", "2", "NULL", "9"] {
        fleet.sql(&format!(
            "UPDATE tenants SET schema_version = {wrong} WHERE slug = 't01'"
        ));
        let run = fleet.migrate(&["--all"]).success();
        assert!(run.stderr.contains("was corrected"), "{wrong}: {}", run.stderr);
        assert_eq!(fleet.versions(), "3:2", "{wrong}");
    }
}

#[test]
fn only_a_deep_look_finds_a_tenant_that_is_behind_its_registry() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    fleet.migrate(&["t02"]).success();
    fleet.sql("UPDATE tenants SET schema_version = 3");
    fleet
        .migrate(&["--all"])
        .success()
        .says("nothing to do: 2 tenants");
    fleet.migrate(&["t01", "--deep", "--to", "2"]).success();
    assert_eq!(fleet.history("tenant_t01"), "1,2");
    fleet.sql("UPDATE tenants SET schema_version = 3");
    fleet
        .migrate(&["--all", "--deep"])
        .success()
        .says("1 tenant now at V3");
    assert_eq!(
        (fleet.history("tenant_t01").as_str(), fleet.versions().as_str()),
        ("1,2,3", "3:2")
    );
}

#[test]
fn a_deep_look_waits_for_those_who_work_on_the_tenant() {
    let fleet = at_three();
    let busy = fleet
        .program()
        .spawn(&["exec", "t01", "--write", "--yes", "-s", "select pg_sleep(1)"]);
    crate::support::wait_until("somebody works on the tenant", || {
        fleet.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()") == "1"
    });
    fleet
        .migrate(&["--all", "--deep"])
        .success()
        .says("nothing to do");
    crate::support::Run::of(busy).success();
}

#[test]
fn files_that_do_not_fit_what_was_applied_change_nothing() {
    let fleet = at_three();
    fleet.file("V4__next.sql", "CREATE TABLE next ()");
    let before = fleet.everything();
    let refused = |code: i32, words: &str| {
        for arguments in [&["--all"][..], &["t01", "--deep", "--to", "4"]] {
            fleet.migrate(arguments).exits(code).says(words);
            assert_eq!(fleet.everything(), before, "{words}");
        }
    };
    let original = std::fs::read_to_string(fleet.path("V2__phone.sql")).expect("a file");
    fleet.file("V2__phone.sql", "ALTER TABLE customers ADD COLUMN phone int");
    refused(
        1,
        "`V2__phone` was applied, and file `V2__phone` has changed since",
    );
    fleet.remove("V2__phone.sql");
    refused(1, "`V2__phone` was applied, and its file is gone");
    fleet.file("V2__phone.sql", &original);
    fleet.file("V4__again.sql", "CREATE TABLE again ()");
    refused(2, "two files have the version");
    fleet.remove("V4__again.sql");
    fleet.file("V0__early.sql", "CREATE TABLE early ()");
    refused(1, "`V0__early` is older than what was applied last");
    fleet.remove("V0__early.sql");
    fleet.file("V5__ends.sql", "CREATE TABLE ends (); COMMIT;");
    fleet
        .migrate(&["--all"])
        .exits(2)
        .says("`COMMIT` interferes with the transaction");
    fleet.migrate(&["--all", "--dry-run"]).exits(2);
    fleet.file("V5__ends.sql", "CREATE TABLE ends (word text DEFAULT 'it is)");
    fleet.migrate(&["--all"]).exits(2).says("V5__ends");
    fleet.file("V5__ends.sql", "COPY customers FROM STDIN;\n1\tAda\n\\.\n");
    fleet.migrate(&["--all"]).exits(2).says("COPY");
    fleet.remove("V5__ends.sql");
    assert_eq!(fleet.everything(), before);
    fleet.migrate(&["--all"]).success();
}

#[test]
fn histories_changed_by_hand_are_said_and_left_alone() {
    let fleet = Fleet::new(7);
    two_more(&fleet);
    fleet.migrate(&["--all"]).success();
    fleet.file("V4__next.sql", "CREATE TABLE next ()");
    for (slug, change) in [
        ("t01", "DELETE FROM refinery_schema_history WHERE version = 2"),
        (
            "t02",
            "UPDATE refinery_schema_history SET checksum = '7' WHERE version = 2",
        ),
        ("t03", "DROP TABLE refinery_schema_history"),
        ("t04", "DELETE FROM refinery_schema_history"),
        (
            "t05",
            "INSERT INTO refinery_schema_history VALUES (99, 'later', '2026-01-01T00:00:00Z', '1')",
        ),
    ] {
        fleet.sql(&format!("SET search_path = tenant_{slug}; {change}"));
    }
    let run = fleet
        .migrate(&["--all", "--on-error", "continue", "-o", "json"])
        .exits(3);
    let summary: serde_json::Value =
        serde_json::from_str(run.stdout.lines().last().expect("a summary")).expect("JSON");
    let error = |slug: &str| {
        let failed = summary["failed"].as_array().expect("a list");
        let one = failed.iter().find(|failed| failed["tenant"] == slug);
        one.map_or_else(String::new, |one| {
            one["error"].as_str().unwrap_or_default().to_owned()
        })
    };
    for (slug, words) in [
        ("t01", "`V2__phone` is older than what was applied last"),
        (
            "t02",
            "`V2__phone` was applied, and file `V2__phone` has changed since",
        ),
        ("t03", "schema `tenant_t03` has tables and no migration history"),
        ("t04", "(42P07)"),
        ("t05", "`V99__later` was applied, and its file is gone"),
    ] {
        assert!(error(slug).contains(words), "{slug}: {}", error(slug));
    }
    assert_eq!(fleet.versions(), "3:5 4:2");
    assert_eq!(
        fleet.sql("SELECT count(*) FROM pg_class WHERE relname = 'next' AND relkind = 'r'"),
        "3"
    );
}

#[test]
fn schemas_without_a_history_need_to_be_told_where_they_are() {
    let fleet = at_three();
    fleet.file("V4__next.sql", "CREATE TABLE next ()");
    fleet.sql(
        "DROP TABLE tenant_t01.refinery_schema_history; DROP TABLE tenant_t02.refinery_schema_history; \
         UPDATE tenants SET schema_version = NULL",
    );
    fleet
        .migrate(&["t01"])
        .exits(1)
        .says("schema `tenant_t01` has tables and no migration history")
        .says("--baseline");
    fleet.migrate(&["t01", "--baseline", "3"]).success();
    assert_eq!(
        (fleet.history("tenant_t01").as_str(), fleet.versions().as_str()),
        ("1,2,3,4", "0:1 4:1")
    );
    fleet
        .migrate(&["--all", "--baseline", "3", "--to", "3"])
        .success();
    assert_eq!(fleet.history("tenant_t02"), "1,2,3");
    // Whoever has a history keeps it.
    fleet.migrate(&["--all", "--baseline", "1"]).success();
    assert_eq!(
        (fleet.history("tenant_t02").as_str(), fleet.versions().as_str()),
        ("1,2,3,4", "4:2")
    );
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn faked_migrations_are_recorded_and_not_run() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    fleet
        .migrate(&["t01", "--fake"])
        .success()
        .says("recorded as at V3");
    assert_eq!(
        (fleet.history("tenant_t01").as_str(), fleet.versions().as_str()),
        ("1,2,3", "1:1 3:1")
    );
    assert_eq!(
        fleet.sql("SELECT count(*) FROM pg_attribute WHERE attname = 'phone'"),
        "0"
    );
}

/// `U` files have a version and no place in the order.
#[test]
fn a_file_older_than_what_was_applied_takes_no_version_back() {
    let fleet = at_three();
    fleet.file("V5__five.sql", "ALTER TABLE orders ADD COLUMN five int");
    fleet.migrate(&["--all"]).success();
    fleet.file("U4__four.sql", "ALTER TABLE orders ADD COLUMN four int");
    fleet.migrate(&["--all"]).success();
    assert_eq!(
        (fleet.history("tenant_t01").as_str(), fleet.versions().as_str()),
        ("1,2,3,4,5", "5:2")
    );

    fleet.file("U0__zero.sql", "ALTER TABLE orders ADD COLUMN zero int");
    fleet.file(
        "V6__six.sql",
        "-- tenantctl: no-transaction\nALTER TABLE orders ADD COLUMN six int",
    );
    fleet.migrate(&["--all", "--per-migration"]).success();
    assert_eq!(
        (fleet.history("tenant_t01").as_str(), fleet.versions().as_str()),
        ("0,1,2,3,4,5,6", "6:2")
    );
}

#[test]
fn a_template_that_is_gone_is_built_and_not_taken_for_a_baseline() {
    let fleet = at_three();
    let faithful = fleet.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'tenant_t01'::regnamespace");
    fleet.sql(
        "DROP SCHEMA tenant_template CASCADE; DROP TABLE tenant_t02.refinery_schema_history; \
         UPDATE tenants SET schema_version = NULL WHERE slug = 't02'",
    );
    fleet.migrate(&["--all", "--baseline", "3"]).success();
    let template = "SELECT count(*) FROM pg_class WHERE relnamespace = 'tenant_template'::regnamespace";
    assert_eq!(fleet.sql(template), faithful);
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn a_schema_that_is_missing_fails_its_tenant_alone() {
    let fleet = Fleet::new(4);
    two_more(&fleet);
    fleet.sql("DROP SCHEMA tenant_t02 CASCADE");
    fleet
        .migrate(&["--all", "--on-error", "continue"])
        .exits(3)
        .says("schema `tenant_t02` does not exist");
    assert_eq!(fleet.versions(), "1:1 3:3");
    assert_eq!(fleet.log(), "partial: t01 done, t02 failed, t03 done, t04 done");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'tenant_t02'";
    assert_eq!(fleet.sql(schemas), "0");
}
