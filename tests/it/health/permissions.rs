//! Roles that may see little.

use std::time::{Duration, Instant};

use super::{health, health_with, names, of, one};
use crate::support::{Database, Program, psql, wait_until};

fn program(database: &Database, role: &str) -> Program {
    let url = database.url().replace("//tenantctl@", &format!("//{role}@"));
    assert_ne!(
        url,
        database.url(),
        "the tests' server is not reached as `tenantctl`"
    );
    Program::new().env("DATABASE_URL", url)
}

#[test]
fn what_a_role_may_not_see_is_a_note_that_says_what_to_grant() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let role = format!("reader_{}", std::process::id());
    database.sql(&format!("CREATE ROLE {role} LOGIN"));
    database.sql("CREATE TABLE tenant_acme.numbered (id serial); DROP SCHEMA tenant_globex CASCADE");
    let _other = super::sessions::sleeper(&database);
    let run = health_with(program(&database, &role), &[]).success();
    assert_eq!(names(&run), ["not-checked"], "{}", run.stdout);
    assert_eq!(
        run.json()["fleet"]["tenants"],
        1,
        "only what has a schema can be seen"
    );
    let found = of(&run, "not-checked");
    assert!(found.iter().all(|found| found.severity == "note"));
    for check in [
        "schema-missing",
        "version-behind",
        "run-unfinished",
        "sequence-exhausted",
        "long-transaction",
    ] {
        assert!(
            found.iter().any(|found| found.summary.contains(check)),
            "{check}: {found:?}"
        );
    }
    // What it says to grant is enough, and no more than reading.
    for grant in found.iter().flat_map(|found| &found.run) {
        assert!(
            grant.starts_with("GRANT SELECT ON ") || grant.starts_with("GRANT pg_read_all_stats TO "),
            "{grant}"
        );
        database.sql(grant);
    }
    database.sql(&format!("GRANT USAGE ON SCHEMA tenant_template TO {role}; GRANT SELECT ON tenant_template.refinery_schema_history TO {role}"));
    let run = health_with(program(&database, &role), &[]).exits(4);
    assert_eq!(names(&run), names(&health(&database)), "{}", run.stdout);
    database.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn what_an_older_registry_lacks_is_no_matter_of_grants() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("DROP TABLE tenant_unfinished_migrations");
    let found = one(&health(&database).success(), "not-checked");
    assert_eq!(
        found.summary,
        "migration-unfinished: the registry has no public.tenant_unfinished_migrations"
    );
    assert_eq!(found.run, ["tenantctl init"]);
}

#[test]
fn nobody_is_waited_for_who_holds_a_history() {
    let database = Database::with_tenants(&["acme"]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let held = "BEGIN; LOCK TABLE tenant_template.refinery_schema_history; SELECT pg_sleep(20)";
            psql(database.url(), held).expect_err("ended by the test")
        });
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
        wait_until("the lock is held", || database.sql(sleeps) == "1");
        let started = Instant::now();
        let run = health(&database).success();
        let found = one(&run, "not-checked");
        assert!(
            found.summary.contains("version-behind")
                && found.summary.ends_with("somebody holds a lock on what it reads"),
            "{}",
            found.summary
        );
        assert!(started.elapsed() < Duration::from_secs(15), "it waited");
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
        database.sql(end);
    });
}
