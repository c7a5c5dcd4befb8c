//! Slow statements.

use super::{health_with, of};
use crate::support::{Database, Program, Server};

fn picky(database: &Database) -> Program {
    database.program().env("SLOW_QUERY_THRESHOLD_MS", "50")
}

#[test]
fn slow_statements_are_found_with_the_tenants_that_they_name() {
    let server = Server::start(&[("shared_preload_libraries", "pg_stat_statements")]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "--quiet", "acme", "globex"]).success();
    assert!(of(&health_with(picky(&database), &[]).success(), "slow-statement").is_empty());
    database.sql("CREATE SCHEMA extensions; CREATE EXTENSION pg_stat_statements SCHEMA extensions");
    database.sql("SELECT extensions.pg_stat_statements_reset()");
    for schema in ["tenant_acme", "tenant_globex"] {
        for _ in 0..2 {
            database.sql(&format!("SELECT count(*), pg_sleep(0.2) FROM {schema}.users"));
        }
    }
    let run = health_with(picky(&database), &[]).success();
    let found = of(&run, "slow-statement");
    let slow = found.iter().find(|found| found.summary.contains("pg_sleep"));
    let slow = slow.unwrap_or_else(|| panic!("{found:?}"));
    assert_eq!(slow.severity, "note");
    assert!(slow.summary.starts_with("4 calls took "), "{}", slow.summary);
    assert!(slow.summary.contains("FROM ….users"), "{}", slow.summary);
    // Since PostgreSQL 18 they are one statement to the server as well, in the words of the first.
    let is_since_18 = database.sql("SELECT current_setting('server_version_num')::int >= 180000") == "t";
    let named = if is_since_18 {
        &["acme"][..]
    } else {
        &["acme", "globex"]
    };
    assert_eq!(slow.tenants, named);
}

#[test]
fn an_extension_that_the_server_has_not_loaded_is_said() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("CREATE EXTENSION pg_stat_statements");
    let run = health_with(picky(&database), &[]).success();
    let found = of(&run, "not-checked");
    assert!(
        found[0]
            .summary
            .starts_with("slow-statement: pg_stat_statements must be loaded"),
        "{found:?}"
    );
}
