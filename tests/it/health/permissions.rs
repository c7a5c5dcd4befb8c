//! Roles that may see little.

use super::{health, health_with, names, of};
use crate::support::{Database, Program};

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
