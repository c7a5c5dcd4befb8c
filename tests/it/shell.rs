//! `shell`: psql in a tenant.

use crate::support::{Database, PgBouncer, Program, Server};

#[test]
fn psql_is_in_the_tenant_and_answers_with_its_own_code() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let shell = |arguments: &[&str]| database.run(&[&["shell", "acme", "--", "-XAt"], arguments].concat());
    let run = shell(&[
        "-c",
        "SELECT current_schema(), current_setting('app.current_tenant'), current_setting('application_name')",
    ])
    .success();
    assert_eq!(run.stdout, "tenant_acme|tenant_acme|tenantctl shell\n");
    shell(&["-c", "CREATE TABLE notes (text text)"]).success();
    assert_eq!(
        database.sql("SELECT string_agg(schemaname, ' ') FROM pg_tables WHERE tablename = 'notes'"),
        "tenant_acme"
    );
    shell(&["-c", "SELECT nonsense"]).exits(1);
    shell(&["-f", "/nonexistent/file.sql"]).exits(1);
    let typed = database
        .program()
        .input("SELECT current_schema()\n\\g\n")
        .run(&["shell", "globex", "--", "-XAt"])
        .success();
    assert_eq!(typed.stdout, "tenant_globex\n");
}

#[test]
fn a_shell_that_only_reads_refuses_changes() {
    let database = Database::with_tenants(&["acme"]);
    database
        .run(&["shell", "acme", "--read-only", "--", "-Xc", "DELETE FROM users"])
        .exits(1)
        .says("cannot execute DELETE in a read-only transaction");
}

#[test]
fn a_shell_of_nobody_is_refused() {
    let database = Database::with_tenants(&["acme"]);
    database.run(&["shell", "acne"]).exits(2).says("acme");
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    database
        .run(&["shell", "acme"])
        .exits(1)
        .says("schema `tenant_acme` does not exist")
        .says("hint: bring it back with `tenantctl restore FILE --replace`");
    database
        .run(&["shell", "Acme"])
        .exits(2)
        .says("use `acme` instead");
}

#[test]
fn the_own_options_of_the_connection_stay_and_a_password_is_in_no_argument() {
    let database = Database::with_tenants(&["acme"]);
    let run = database
        .program()
        .env("PGOPTIONS", "-c work_mem=7MB")
        .env("PGPASSWORD", "open sesame")
        .run(&[
            "shell",
            "acme",
            "--",
            "-XAtc",
            "SELECT current_setting('work_mem'), current_schema()",
            "-c",
            "\\! tr '\\0' ' ' < /proc/$PPID/cmdline",
        ])
        .success();
    assert!(run.stdout.starts_with("7MB|tenant_acme\n"), "{}", run.stdout);
    assert!(run.stdout.contains("psql -XAtc"), "{}", run.stdout);
    assert!(!run.stdout.contains("sesame"), "{}", run.stdout);
}

#[test]
fn it_goes_past_a_pooler() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::start(&server);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "acme", "--quiet"]).success();
    let run = Program::new()
        .env("DATABASE_URL", bouncer.url(database.name()))
        .env("DIRECT_URL", database.url())
        .run(&["shell", "acme", "--", "-XAtc", "SELECT current_schema()"])
        .success();
    assert_eq!(run.stdout, "tenant_acme\n");
}

#[test]
fn behind_a_pooler_it_needs_a_way_past_it() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::start(&server);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "acme", "--quiet"]).success();
    Program::new()
        .env("DATABASE_URL", bouncer.url(database.name()))
        .run(&["shell", "acme", "--", "-XAtc", "SELECT current_schema()"])
        .exits(2)
        .says("needs a connection past the pooler")
        .says("DIRECT_URL");
}

#[test]
fn a_direct_url_that_leads_elsewhere_opens_nothing() {
    let here = Database::with_tenants(&["acme"]);
    let there = Database::with_tenants(&["acme"]);
    let run = here.program().env("DIRECT_URL", there.url()).run(&[
        "shell",
        "acme",
        "--",
        "-XAtc",
        "SELECT current_database()",
    ]);
    assert_eq!(run.stdout, "");
    run.exits(2).says("are not the same database");
}
