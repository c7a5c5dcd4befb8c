//! What a run would do is told as it would be done.

use super::two_more;
use crate::support::Fleet;

#[test]
fn a_dry_run_tells_the_plan_and_changes_nothing() {
    let fleet = Fleet::new(3);
    two_more(&fleet);
    fleet.migrate(&["t02", "--to", "2"]).success();
    let before = fleet.everything();
    let run = fleet.migrate(&["--all", "--dry-run"]).success();
    insta::assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    FROM  TO  TENANTS  MIGRATIONS
    V1    V3        2  V2__phone V3__by_customer
    V2    V3        1  V3__by_customer
    --- stderr
    template: V3__by_customer pending
    3 tenants would be migrated, 0 up to date; dry run: nothing was changed
    ");
    let sql = fleet.migrate(&["--all", "--dry-run", "--sql"]).success().stdout;
    assert!(
        sql.contains("-- V2__phone: 2 tenants\nALTER TABLE customers"),
        "{sql}"
    );
    assert!(
        sql.contains("-- V3__by_customer: 3 tenants\nCREATE INDEX"),
        "{sql}"
    );
    let plan = fleet
        .migrate(&["--all", "--dry-run", "-o", "json"])
        .success()
        .json();
    assert_eq!(plan["dry_run"], true);
    assert_eq!(plan["migrated"].as_array().map(Vec::len), Some(3));
    assert_eq!(fleet.everything(), before);
}

#[test]
fn the_statements_of_a_plan_are_data_too() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    let plan = |arguments: &[&str]| fleet.migrate(&[&["--all", "--dry-run", "--sql"], arguments].concat());
    let json = plan(&["-o", "json"]).success().json();
    assert_eq!(json["sql"][0]["migration"], "V2__phone");
    assert_eq!(json["sql"][1]["tenants"], 2);
    assert!(
        json["sql"][1]["sql"]
            .as_str()
            .is_some_and(|sql| sql.contains("CREATE INDEX")),
        "{json}"
    );
    plan(&["-o", "csv"]).exits(2).says("statements are no CSV");
}

/// The registry has a version that no file has, or none, or is not to be trusted.
#[test]
fn histories_are_read_where_the_registry_does_not_tell() {
    let fleet = Fleet::new(5);
    two_more(&fleet);
    fleet.migrate(&["t01", "t02", "t03", "t04"]).success();
    fleet.sql(
        "UPDATE tenants SET schema_version = 9 WHERE slug IN ('t01', 't02'); \
         UPDATE tenant_t02.refinery_schema_history SET name = 'other' WHERE version = 2; \
         UPDATE tenants SET schema_version = NULL WHERE slug IN ('t03', 't04'); \
         DROP TABLE tenant_t03.refinery_schema_history; DROP SCHEMA tenant_t04 CASCADE",
    );
    let run = fleet.migrate(&["--all", "--dry-run"]).exits(3);
    insta::assert_snapshot!(run.shown(), @r"
    exit 3
    --- stdout
    FROM  TO  TENANTS  MIGRATIONS
    V1    V3        1  V2__phone V3__by_customer
    --- stderr
    1 tenant would be migrated, 1 up to date; dry run: nothing was changed
    error: 3 of 4 tenants failed to be migrated
      t02  `V2__other` was applied, and file `V2__phone` has changed since
      t03  schema `tenant_t03` has tables and no migration history
      t04  schema `tenant_t04` does not exist

    hint: use the files that were applied; a new change belongs into a new file
    ");
    fleet.sql("UPDATE tenants SET schema_version = 3");
    let run = fleet.migrate(&["t01", "t05", "--dry-run", "--deep"]).success();
    assert!(
        run.stderr.contains("1 tenant would be migrated, 1 up to date"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_template_that_does_not_fit_the_files_fails_the_plan_as_it_would_the_run() {
    let fleet = Fleet::new(1);
    two_more(&fleet);
    fleet.sql("UPDATE tenant_template.refinery_schema_history SET name = 'other'");
    let before = fleet.everything();
    let words = "migrating the template `tenant_template`";
    fleet.migrate(&["--all", "--dry-run"]).exits(1).says(words);
    fleet.migrate(&["--all"]).exits(1).says(words);
    assert_eq!(fleet.everything(), before);
}

#[test]
fn a_rehearsal_takes_no_flags_of_a_rollout() {
    let fleet = Fleet::new(1);
    two_more(&fleet);
    for flag in [
        ["--check-sql", "SELECT true"],
        ["--canary", "1"],
        ["--on-error", "continue"],
        ["--lock-wait", "1s"],
    ] {
        fleet
            .migrate(&[&["--rehearse"], &flag[..]].concat())
            .exits(2)
            .says("cannot be used with");
    }
}

#[test]
fn a_template_without_a_history_is_planned_as_it_would_be_run() {
    let fleet = Fleet::new(1);
    two_more(&fleet);
    fleet.sql("DROP SCHEMA tenant_template CASCADE");
    let plan = |arguments: &[&str]| fleet.migrate(&[&["--all", "--dry-run"], arguments].concat());
    for nothing in ["", "CREATE SCHEMA tenant_template"] {
        fleet.sql(&format!("SELECT 1; {nothing}"));
        plan(&["--to", "2"])
            .success()
            .says("template: V1__beginning, V2__phone pending");
        // There is nothing in it that could be taken for a version.
        plan(&["--baseline", "1"])
            .success()
            .says("template: V1__beginning, V2__phone, V3__by_customer pending");
    }
    fleet.sql("CREATE TABLE tenant_template.customers (id int PRIMARY KEY, name text)");
    let before = fleet.everything();
    for run in [plan(&[]), fleet.migrate(&["--all"])] {
        run.exits(1)
            .says("schema `tenant_template` has tables and no migration history")
            .says("--baseline");
    }
    assert_eq!(fleet.everything(), before);
    plan(&["--baseline", "1"])
        .success()
        .says("template: V2__phone, V3__by_customer pending");
    plan(&["--fake"])
        .success()
        .says("template: V1__beginning, V2__phone, V3__by_customer pending");
}
