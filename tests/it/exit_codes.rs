//! Each exit code of the contract, by the shortest way to it, and what is said on the way.

use crate::support::{Database, Program};

#[test]
fn zero_when_done_and_for_help() {
    assert!(
        Program::new()
            .run(&["--help"])
            .success()
            .stdout
            .contains("Run fleets of schema-per-tenant")
    );
    assert!(
        Program::new()
            .run(&["--version"])
            .success()
            .stdout
            .starts_with("tenantctl ")
    );
    for command in [
        "init",
        "create",
        "list",
        "show",
        "resolve",
        "update",
        "suspend",
        "resume",
        "drop",
        "exec",
        "template",
        "db",
        "demo",
        "completions",
        "man",
    ] {
        let help = Program::new().run(&[command, "--help"]).success().stdout;
        assert!(help.contains("Usage: tenantctl"), "{help}");
    }
}

#[test]
fn one_when_it_failed() {
    let database = Database::with_tenants(&["acme"]);
    database.run(&["create", "acme"]).exits(1);
}

#[test]
fn two_without_a_database() {
    let run = Program::new().run(&["list"]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: no database is configured

    hint: set DATABASE_URL, or name one as in postgresql://user@host/database
    ");
    // An empty variable, as a lost secret leaves it, is no database either.
    Program::new().env("DATABASE_URL", "").run(&["list"]).exits(2);
}

#[test]
fn two_for_wrong_usage() {
    for arguments in [
        &["lst"][..],
        &[],
        &["list", "--no-such-flag"],
        &["list", "-o", "xml"],
        &["--local", "--target", "eu", "list"],
    ] {
        Program::new().run(arguments).exits(2);
    }
}

#[test]
fn two_for_a_database_that_does_not_exist() {
    let database = Database::empty();
    let url = database.url().replace(database.name(), "no_such_database");
    Program::new()
        .env("DATABASE_URL", url)
        .run(&["list"])
        .exits(2)
        .says("database \"no_such_database\" does not exist (3D000)");
}

#[test]
fn three_when_some_failed_and_the_rest_finished() {
    let database = Database::with_tenants(&["acme"]);
    database
        .run(&["create", "globex", "acme", "--on-error", "continue"])
        .exits(3);
}

#[test]
fn four_when_the_answer_is_no() {
    let database = Database::new();
    database.run(&["resolve", "nobody.example"]).exits(4);
}

#[test]
fn five_when_the_database_is_away() {
    let run = Program::new()
        .env("DATABASE_URL", "postgresql://app:hunter2@127.0.0.1:1/metrics")
        .run(&["list"])
        .exits(5);
    insta::assert_snapshot!(run.stderr, @"
    error: cannot connect to metrics on 127.0.0.1:1 as app: connection refused

    hint: check that a server listens on 127.0.0.1:1
    ");
    let run = Program::new()
        .env("DATABASE_URL", "postgresql://app@/metrics?host=/nonexistent")
        .run(&["create", "acme"]);
    run.exits(5).says("there is no such socket");
}
