//! Passwords of demo users: chosen or made up, shown at most once, and stored as Argon2id.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordVerifier};

use super::UNTIL;
use crate::support::Database;

fn opens(database: &Database, schema: &str, login: &str, password: &str) -> bool {
    let stored = database.sql(&format!(
        "SELECT password_hash FROM {schema}.users WHERE email = '{login}'"
    ));
    assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
    let hash = PasswordHash::new(&stored).expect("a hash in PHC form");
    Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok()
}

#[test]
fn one_that_is_made_up_is_shown_once_and_opens_every_login() {
    let database = Database::new();
    let arguments = [&["seed", "--days", "1", "-o", "json"], &UNTIL[..]].concat();
    let answer = database.run(&arguments).success().json();
    let password = answer["password"].as_str().expect("a password").to_owned();
    assert!(password.len() >= 20, "{password}");
    for tenant in answer["tenants"].as_array().expect("tenants") {
        let slug = tenant["tenant"].as_str().expect("a slug");
        let login = tenant["logins"][0].as_str().expect("a login");
        let schema = format!("tenant_{}", slug.replace('-', "_"));
        assert!(opens(&database, &schema, login, &password), "{slug}");
        assert!(!opens(&database, &schema, login, "another"), "{slug}");
    }
    let again = database.run(&arguments).success().json();
    assert_eq!(again.get("password"), None);
    assert_eq!(again["tenants"][0]["logins"], serde_json::json!([]));
    let log = database.sql("SELECT o::text, r::text FROM tenant_operations o, tenant_operation_results r");
    assert!(!log.contains(&password) && !log.contains("argon2"), "{log}");
}

#[test]
fn one_that_is_made_up_is_part_of_a_quiet_answer() {
    let database = Database::new();
    let arguments = [&["seed", "--quiet", "--tenants", "1", "--days", "1"], &UNTIL[..]].concat();
    let run = database.run(&arguments).success();
    assert_eq!(run.stderr, "");
    let lines: Vec<&str> = run.stdout.lines().collect();
    let at = lines
        .iter()
        .position(|line| *line == "PASSWORD")
        .expect("a heading");
    assert!(opens(
        &database,
        "tenant_demo_basic",
        "ada.1@demo-basic.example",
        lines[at + 1]
    ));
}

#[test]
fn one_that_was_chosen_is_never_shown() {
    let database = Database::new();
    let program = || {
        database
            .program()
            .env("SEED_ADMIN_PASSWORD", "open sesame, please")
    };
    for form in ["human", "json", "csv"] {
        let run = program()
            .run(
                &[
                    &["seed", "--tenants", "1", "--days", "1", "-v", "-v", "-o", form],
                    &UNTIL[..],
                ]
                .concat(),
            )
            .success();
        assert!(!format!("{run:?}").contains("sesame"), "{run:?}");
        assert!(run.stdout.contains("ada.1@demo-basic.example"), "{}", run.stdout);
    }
    assert!(opens(
        &database,
        "tenant_demo_basic",
        "ada.1@demo-basic.example",
        "open sesame, please"
    ));
}

#[test]
fn somebody_elses_password_stays() {
    let database = Database::with_tenants(&["acme"]);
    let run = |password| {
        database
            .program()
            .env("SEED_ADMIN_PASSWORD", password)
            .run(
                &[
                    &["seed", "--into", "acme", "--days", "1", "-o", "json"],
                    &UNTIL[..],
                ]
                .concat(),
            )
            .success()
    };
    let first = run("first");
    assert_eq!(first.json()["tenants"][0]["logins"][0], "ada.1@acme.example");
    assert!(!first.stderr.contains("SEED_ADMIN_PASSWORD"), "{}", first.stderr);
    let second = run("second").says("SEED_ADMIN_PASSWORD is for new logins, and there were none");
    assert_eq!(second.json()["tenants"][0]["logins"], serde_json::json!([]));
    assert!(opens(&database, "tenant_acme", "ada.1@acme.example", "first"));
}
