//! Behind a pooler, and in databases of other encodings.

use super::Backups;
use super::restore::by_plain_tools;
use crate::support::{Database, PgBouncer, Program, Server};

#[test]
fn tenants_are_backed_up_and_brought_back_through_a_pooler() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::with_connections(&server, 4);
    let backups = Backups::made_in(Database::on(&server), &["acme", "globex"]);
    let url = bouncer.url(backups.database.name());
    let run = |arguments: &[&str]| {
        let program = Program::new().env("DATABASE_URL", &url);
        program.run(&[arguments, &["--dir", backups.dir()]].concat())
    };
    run(&["backup", "--all", "--jobs", "2"]).success();
    let file = backups.files("acme").pop().expect("a file");
    let file = file.to_str().expect("a path in UTF-8");
    let restore = |arguments: &[&str]| {
        let program = Program::new().env("DATABASE_URL", &url);
        program.run(&[arguments, &[file]].concat()).success()
    };
    restore(&["restore", "--as", "copy"]);
    restore(&["restore", "--replace", "--yes"]);
    restore(&["verify", "--restore"]);
    run(&["drop", "globex", "--yes"]).success();
    run(&["undrop", "globex"]).success();
    for tenant in ["acme", "copy", "globex"] {
        assert_eq!(
            backups.sql(&format!("SELECT count(*) FROM tenant_{tenant}.people")),
            "20"
        );
    }
}

/// How the names of a tenant's people are, whatever the encoding of the database.
fn names(database: &Database, tenant: &str) -> String {
    database.sql(&format!(
        "SELECT string_agg(encode(convert_to(name, 'UTF8'), 'hex'), ' ' ORDER BY id) FROM tenant_{tenant}.people"
    ))
}

#[test]
fn text_of_another_encoding_comes_back_as_it_was() {
    let backups = Backups::made_in(Database::encoded("LATIN1"), &["acme"]);
    backups.sql(
        "INSERT INTO tenant_acme.people (name) VALUES ('Zoë Müller'), ('ß'); \
         COMMENT ON TABLE tenant_acme.people IS 'für Zoë'; \
         ALTER TABLE tenant_acme.people ADD CHECK (name <> 'Ö')",
    );
    assert_eq!(backups.sql("SHOW server_encoding"), "LATIN1");
    let before = names(&backups.database, "acme");
    let file = backups.take("acme");
    let elsewhere = Database::new();
    elsewhere.run(&["restore", &file]).success();
    assert_eq!(names(&elsewhere, "acme"), before);
    backups
        .database
        .run(&["restore", &file, "--as", "copy"])
        .success();
    assert_eq!(names(&backups.database, "copy"), before);
    backups.sql("DROP SCHEMA tenant_acme CASCADE");
    by_plain_tools(backups.database.url(), &file);
    assert_eq!(names(&backups.database, "acme"), before);
}

#[test]
fn bytes_that_are_no_text_are_an_error_and_not_passed_over() {
    let backups = Backups::made_in(Database::encoded("SQL_ASCII"), &["acme"]);
    backups.sql("INSERT INTO tenant_acme.people (name) VALUES (E'caf\\xE9')");
    backups
        .run(&["backup", "acme"])
        .exits(1)
        .says("reading the rows of table people")
        .says("invalid byte sequence for encoding \"UTF8\"");
    assert!(backups.files("acme").is_empty());
}
