//! The registry beside what is there.

use std::process::Child;

use super::{health, health_with, names, of, one};
use crate::support::{Database, Fleet, Run, wait_until};

fn look(fleet: &Fleet) -> Run {
    health_with(fleet.program(), &[])
}

#[test]
fn rows_without_schemas_and_schemas_without_rows_are_found() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    database.sql(
        "DROP SCHEMA tenant_acme CASCADE; DROP SCHEMA tenant_globex CASCADE; CREATE SCHEMA tenant_globex; \
         CREATE SCHEMA tenant_stray; CREATE SCHEMA somebody_elses",
    );
    let run = health(&database).exits(4);
    let missing = one(&run, "schema-missing");
    assert_eq!(
        (missing.severity.as_str(), missing.tenants),
        ("critical", vec!["acme".to_owned()])
    );
    assert!(
        missing
            .run
            .contains(&"tenantctl drop acme --no-backup".to_owned())
    );
    let empty = one(&run, "schema-empty");
    assert_eq!(
        (empty.severity.as_str(), empty.tenants),
        ("critical", vec!["globex".to_owned()])
    );
    let stray = one(&run, "schema-unregistered");
    assert_eq!(
        (stray.severity.as_str(), stray.schemas),
        ("warning", vec!["tenant_stray".to_owned()])
    );
    assert_eq!(
        names(&run),
        ["schema-missing", "schema-empty", "schema-unregistered"]
    );
}

/// Kills a run that sleeps on the server, and then what it was doing there.
fn kill(fleet: &Fleet, mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
    fleet.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name LIKE 'tenantctl%'",
    );
    fleet.database.nobody_is_left();
}

fn wait_for_sleep(fleet: &Fleet) {
    wait_until("the migration sleeps", || {
        let sleeping = "SELECT count(*) FROM pg_stat_activity \
                        WHERE wait_event = 'PgSleep' AND datname = current_database()";
        fleet.sql(sleeping) == "1"
    });
}

#[test]
fn the_clones_of_a_killed_rehearsal_are_found_and_those_of_a_living_one_are_not() {
    let fleet = Fleet::new(2);
    fleet.file("V2__late.sql", "SELECT pg_sleep(60);");
    let child = fleet.start(&["--rehearse"]);
    wait_for_sleep(&fleet);
    assert!(of(&look(&fleet), "leftover").is_empty());
    kill(&fleet, child);
    let found = one(&look(&fleet), "leftover");
    assert_eq!(found.severity, "warning");
    assert!(found.schemas[0].starts_with("tenantctl_rehearsal_"), "{found:?}");
    fleet.file("V2__late.sql", "SELECT 1;");
    fleet.migrate(&["--rehearse"]).success();
    assert!(of(&look(&fleet), "leftover").is_empty());
}

#[test]
fn a_migration_and_a_run_that_were_killed_are_found() {
    let fleet = Fleet::new(2);
    fleet.migrate(&["--all"]).success();
    fleet.file(
        "V2__late.sql",
        "-- tenantctl: no-transaction\nCREATE TABLE IF NOT EXISTS late (id int);\n\
         SELECT pg_sleep(CASE WHEN current_schema() = 'tenant_t01' THEN 60 ELSE 0 END);\n",
    );
    let child = fleet.start(&["--all", "--jobs", "1"]);
    wait_for_sleep(&fleet);
    fleet.sql("UPDATE tenant_operations SET started_at = started_at - interval '1 hour'");
    let run = look(&fleet);
    assert!(of(&run, "migration-unfinished").is_empty(), "{}", run.stdout);
    assert!(of(&run, "run-unfinished").is_empty());
    kill(&fleet, child);
    let run = look(&fleet).success();
    let found = one(&run, "migration-unfinished");
    assert_eq!(found.tenants, ["t01"]);
    assert_eq!(found.run, ["tenantctl migrate t01"]);
    let lost = one(&run, "run-unfinished");
    assert_eq!(lost.severity, "note");
    assert!(lost.summary.contains("`migrate`"), "{}", lost.summary);
}

#[test]
fn a_template_that_is_gone_is_found() {
    let fleet = Fleet::new(1);
    fleet.sql("DROP SCHEMA tenant_template CASCADE");
    let found = one(&look(&fleet).exits(4), "template-behind");
    assert_eq!(found.severity, "critical");
    assert_eq!(
        found.summary,
        "the template, schema `tenant_template`, does not exist"
    );
    assert_eq!(found.run, ["tenantctl init"]);
}

#[test]
fn versions_that_differ_are_found() {
    let fleet = Fleet::new(4);
    assert_eq!(names(&look(&fleet).success()), [] as [&str; 0]);
    fleet.file("V2__more.sql", "CREATE TABLE more (id int);");
    let found = one(&look(&fleet).success(), "template-behind");
    assert!(
        found.summary.ends_with("lacks 1 migration: V2__more"),
        "{}",
        found.summary
    );
    assert!(of(&look(&fleet), "version-behind").is_empty());

    fleet.migrate(&["t01", "t02", "t03"]).success();
    fleet.sql("UPDATE tenants SET schema_version = 9 WHERE slug = 't02'");
    fleet.sql("UPDATE tenants SET schema_version = NULL WHERE slug = 't03'");
    fleet.sql("DELETE FROM public.refinery_schema_history WHERE version = (SELECT max(version) FROM refinery_schema_history)");
    let run = look(&fleet).success();
    assert!(of(&run, "template-behind").is_empty());
    let behind = one(&run, "version-behind");
    assert_eq!(behind.tenants, ["t04"]);
    assert_eq!(behind.summary, "1 tenant is behind the template, which is at V2");
    assert_eq!(one(&run, "version-ahead").tenants, ["t02"]);
    assert_eq!(one(&run, "version-unknown").tenants, ["t03"]);
    assert_eq!(one(&run, "registry-behind").severity, "warning");
}

#[test]
fn what_is_to_be_run_reaches_suspended_tenants_too() {
    let fleet = Fleet::new(2);
    fleet.run(&["suspend", "t02"]).success();
    fleet.file("V2__more.sql", "CREATE TABLE more (id int);");
    fleet.migrate(&["--all"]).success();
    let behind = one(&look(&fleet).success(), "version-behind");
    assert_eq!(
        (behind.tenants, behind.run),
        (
            vec!["t02".to_owned()],
            vec!["tenantctl migrate --all --inactive".to_owned()]
        )
    );
    // It is still suspended.
    let looked = fleet.run(&["resume", "t02", "--dry-run"]).success();
    looked.says("t02; run `tenantctl migrate t02 --inactive`");
    let resumed = fleet.run(&["resume", "t02"]).success();
    resumed.says("behind the template, which is at V2: t02; run `tenantctl migrate t02`");
    fleet.migrate(&["t02"]).success();
    fleet.run(&["suspend", "t02"]).success();
    fleet.sql("ALTER TABLE tenant_t02.customers ADD COLUMN extra int");
    let deep = health_with(fleet.program(), &["--deep"]).success();
    assert_eq!(one(&deep, "drift").run, ["tenantctl drift t02 --inactive"]);
    fleet.run(&["drift", "t02", "--inactive"]).exits(4);
    let resumed = fleet.run(&["resume", "t02"]).success();
    assert!(!resumed.stderr.contains("behind"), "{}", resumed.stderr);
}

#[test]
fn drift_is_known_from_the_last_look_and_anew_with_deep() {
    let fleet = Fleet::new(3);
    fleet.sql("ALTER TABLE tenant_t01.customers ADD COLUMN extra int");
    assert!(of(&look(&fleet), "drift").is_empty());
    let deep = health_with(fleet.program(), &["--deep"]).success();
    assert_eq!(one(&deep, "drift").tenants, ["t01"]);
    assert_eq!(one(&deep, "schema-changed").tenants, ["t01"]);

    fleet.run(&["drift", "--all"]).exits(4);
    let run = look(&fleet).success();
    let drift = one(&run, "drift");
    assert_eq!(
        (drift.severity.as_str(), drift.tenants),
        ("warning", vec!["t01".to_owned()])
    );
    let deep = health_with(fleet.program(), &["--deep"]).success();
    assert!(of(&deep, "schema-changed").is_empty());

    fleet.file("V2__more.sql", "CREATE TABLE more (id int);");
    fleet.migrate(&["--all"]).success();
    let unknown = one(&look(&fleet), "drift-unknown");
    assert_eq!((unknown.severity.as_str(), unknown.tenants.len()), ("note", 3));
}

#[test]
fn what_is_to_be_run_for_marks_of_migrations_can_be_run() {
    let fleet = Fleet::new(5);
    fleet.file("V2__late.sql", "-- tenantctl: no-transaction\nSELECT 1;\n");
    let mark = |schemas: &str| {
        fleet.sql(&format!(
            "INSERT INTO tenant_unfinished_migrations (schema_name, version, statement) \
             SELECT name, 2, 1 FROM unnest(ARRAY[{schemas}]) AS name"
        ));
        one(&look(&fleet).success(), "migration-unfinished")
    };
    let run = |line: &str| {
        let arguments: Vec<&str> = line.split(' ').skip(1).collect();
        fleet.run(&arguments).success();
        assert!(of(&look(&fleet), "migration-unfinished").is_empty(), "{line}");
    };
    let found = mark("'tenant_template'");
    assert!(
        found.summary.ends_with("not finished in the template"),
        "{found:?}"
    );
    assert_eq!(found.tenants, [] as [&str; 0]);
    assert_eq!(found.schemas, ["tenant_template"]);
    assert_eq!(found.run, ["tenantctl migrate --all"]);
    run(&found.run[0]);

    fleet.run(&["suspend", "t02"]).success();
    let found = mark("'tenant_t02'");
    assert!(found.summary.ends_with("not finished in 1 tenant"), "{found:?}");
    assert_eq!(found.run, ["tenantctl migrate t02 --inactive"]);

    let found = mark("'tenant_template', 'tenant_t01', 'tenant_t03', 'tenant_t04'");
    assert!(
        found
            .summary
            .ends_with("not finished in the template and 4 tenants"),
        "{found:?}"
    );
    assert_eq!(found.tenants, ["t01", "t02", "t03", "t04"]);
    assert_eq!(found.run, ["tenantctl migrate --all --inactive"]);
}

#[test]
fn commands_for_many_tenants_can_be_run_as_they_are_shown() {
    let fleet = Fleet::new(4);
    fleet.sql("ALTER TABLE tenant_template.customers ADD COLUMN extra int");
    let deep = health_with(fleet.program(), &["--deep"]).success();
    assert_eq!(one(&deep, "drift").run, ["tenantctl drift --all"]);
    for slug in fleet.slugs(4) {
        fleet.sql(&format!("DROP SCHEMA tenant_{slug} CASCADE"));
    }
    let missing = one(&look(&fleet).exits(4), "schema-missing");
    assert_eq!(missing.run[2], "tenantctl drop t01 t02 t03 --no-backup");
    assert_eq!(missing.run[0], "tenantctl list-backups t01 t02 t03");
}

#[test]
fn a_run_under_a_name_of_its_own_is_not_taken_for_lost() {
    let fleet = Fleet::new(1);
    fleet.file("V2__late.sql", "SELECT pg_sleep(60);");
    let mut child = fleet
        .program()
        .env("PGAPPNAME", "nightly")
        .spawn(&["migrate", "--all"]);
    wait_for_sleep(&fleet);
    fleet.sql("UPDATE tenant_operations SET started_at = started_at - interval '1 hour'");
    assert!(of(&look(&fleet), "run-unfinished").is_empty());
    child.kill().expect("killed");
    child.wait().expect("ended");
    fleet.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'nightly'",
    );
    fleet.database.nobody_is_left();
    let lost = one(&look(&fleet).success(), "run-unfinished");
    assert!(lost.summary.contains("`migrate`"), "{}", lost.summary);
}
