//! `suspend` and `resume`: who is meant, and that everybody is accounted for.

use serde_json::json;

use crate::support::Database;

fn suspended(database: &Database) -> String {
    database.sql("SELECT string_agg(slug, ' ' ORDER BY slug) FROM tenants WHERE NOT is_active")
}

#[test]
fn tenants_to_suspend_are_chosen_as_everywhere() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    database.run(&["update", "initech", "--plan", "pro"]).success();
    database
        .run(&["suspend", "--all", "--plan", "pro"])
        .exits(2)
        .says("this needs confirmation");
    database.run(&["suspend"]).exits(2).says("no tenants were named");
    assert_eq!(suspended(&database), "");
    database
        .run(&["suspend", "--all", "--plan", "pro", "--yes"])
        .success();
    assert_eq!(suspended(&database), "initech");
    let program = || database.program().input("acme\ninitech\n");
    let run = program()
        .run(&["suspend", "--from-file", "-", "-o", "csv"])
        .success();
    assert_eq!(
        run.stdout,
        "slug,status,changed\nacme,suspended,yes\ninitech,suspended,no\n"
    );
    let run = database
        .run(&["resume", "--all", "--exclude", "acme", "--yes", "-o", "csv"])
        .success();
    assert_eq!(run.stdout, "slug,status,changed\ninitech,active,yes\n");
    database
        .run(&["resume", "--all", "--exclude", "acme"])
        .success()
        .says("no tenants match");
    assert_eq!(suspended(&database), "acme");
}

#[test]
fn an_unknown_tenant_among_others_is_refused_before_anything_is_changed() {
    let database = Database::with_tenants(&["acme"]);
    database
        .run(&["suspend", "acme", "nobody"])
        .exits(2)
        .says("there is no tenant `nobody`");
    assert_eq!(suspended(&database), "");
}

#[test]
fn a_tenant_that_could_not_be_suspended_stands_in_the_answer() {
    let database = Database::with_tenants(&["acme", "globex"]);
    database.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$; \
         CREATE TRIGGER refuse BEFORE UPDATE ON tenants FOR EACH ROW WHEN (OLD.slug = 'acme') EXECUTE FUNCTION refuse()",
    );
    let run = database
        .run(&["suspend", "acme", "globex", "-o", "json"])
        .exits(3)
        .says("1 of 2 tenants failed to be suspended");
    let answer = run.json();
    assert_eq!(
        answer["failed"],
        json!([{ "tenant": "acme", "error": "not this one (P0001)" }])
    );
    assert_eq!(answer["tenants"][0]["slug"], "globex");
    let alone = database.run(&["suspend", "acme", "-o", "json"]).exits(1);
    assert!(
        alone.stderr.starts_with("error: tenant `acme`: not this one"),
        "{}",
        alone.stderr
    );
    assert_eq!(alone.json()["tenants"], json!([]));
}
