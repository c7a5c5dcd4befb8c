//! Clones go, however the rehearsal ends, and nothing else does.

use std::process::Child;

use super::{Fleet, clones};
use crate::support::{Run, psql, signal, wait_until};

const SLEEPING: &str = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";

/// A rehearsal that has come to a migration which takes long.
fn sleeper(fleet: &Fleet) -> Child {
    let arguments = fleet.arguments(&["--rehearse"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let child = fleet.database.program().spawn(&arguments);
    wait_until("the migration sleeps", || {
        fleet.database.sql(&format!("SELECT count(*) {SLEEPING}")) == "1"
    });
    child
}

/// Ends the statement of a client that is gone.
fn end_sleep(fleet: &Fleet) {
    psql(
        fleet.database.url(),
        &format!("SELECT pg_terminate_backend(pid) {SLEEPING}"),
    )
    .expect("terminated");
}

fn sleepy(marker: &str) -> Fleet {
    Fleet::new(
        &["acme"],
        &[&format!(
            "CREATE TABLE late (id int); SELECT pg_sleep(CASE WHEN {marker} THEN 60 ELSE 0 END)"
        )],
    )
}

const UNTIL_TOLD: &str = "NOT EXISTS (SELECT FROM pg_class WHERE relname = 'go_on')";

#[test]
fn what_a_killed_rehearsal_leaves_the_next_one_removes() {
    let fleet = sleepy(UNTIL_TOLD);
    for next in [&["--rehearse"][..], &["--all"]] {
        fleet.database.sql("DROP TABLE IF EXISTS public.go_on");
        let mut child = sleeper(&fleet);
        let clone = fleet.clones();
        assert!(
            clone.starts_with("tenantctl_rehearsal_") && clone.ends_with("_acme"),
            "{clone}"
        );
        child.kill().expect("killed");
        child.wait().expect("ended");
        end_sleep(&fleet);
        assert_eq!(fleet.clones(), clone);
        fleet.database.sql("CREATE TABLE public.go_on ()");
        fleet.migrate(next).success();
        assert_eq!(fleet.clones(), "");
    }
}

#[test]
fn ctrl_c_removes_the_clone() {
    let fleet = sleepy("true");
    let child = sleeper(&fleet);
    signal(child.id(), "INT");
    Run::of(child).exits(130).says("interrupted");
    assert_eq!(fleet.clones(), "");
}

#[test]
fn the_clone_of_a_rehearsal_under_way_is_left_alone() {
    let fleet = sleepy(UNTIL_TOLD);
    let child = sleeper(&fleet);
    let clone = fleet.clones();
    fleet.database.sql("CREATE TABLE public.go_on ()");
    fleet.rehearse(&[]).success();
    fleet.migrate(&["--all"]).success();
    assert_eq!(fleet.clones(), clone);
    signal(child.id(), "INT");
    Run::of(child).exits(130);
    assert_eq!(fleet.clones(), "");
}

#[test]
fn somebodys_schema_of_a_similar_name_stays() {
    let fleet = Fleet::new(&["acme"], &["SELECT 1"]);
    let names = [
        "tenantctl_rehearsal_0123abcd_acme",
        "tenantctl_rehearsal_4567abcd_acme",
        "tenantctl_rehearsals",
    ];
    for name in names {
        fleet
            .database
            .sql(&format!("CREATE SCHEMA {name} CREATE TABLE kept (id int)"));
    }
    fleet.database.sql(
        "COMMENT ON SCHEMA tenantctl_rehearsal_4567abcd_acme IS 'tenantctl rehearsal 0123abcd of tenant_acme'; \
         COMMENT ON SCHEMA tenantctl_rehearsals IS 'tenantctl rehearsal 0123abcd of tenant_acme'",
    );
    fleet.rehearse(&[]).success();
    fleet.migrate(&["--all"]).success();
    assert_eq!(fleet.clones(), names.join("\n"));
}

#[test]
fn what_others_need_of_a_leftover_keeps_it() {
    let fleet = Fleet::new(&["acme"], &["SELECT 1"]);
    let name = "tenantctl_rehearsal_0123abcd_acme";
    fleet.database.sql(&format!(
        "CREATE SCHEMA {name} CREATE TABLE kept (id int); \
         COMMENT ON SCHEMA {name} IS 'tenantctl rehearsal 0123abcd of tenant_acme by somebody'; \
         CREATE VIEW public.needs_it AS SELECT * FROM {name}.kept"
    ));
    fleet
        .rehearse(&[])
        .success()
        .says("something outside depends on it");
    assert_eq!(clones(&fleet.database), name);
    fleet.database.sql("DROP VIEW public.needs_it");
    fleet.rehearse(&[]).success();
    assert_eq!(clones(&fleet.database), "");
}
