//! The template's definition is kept for as long as nothing changes that it says. A kept one is used as it stands, so these
//! tests write something into it that a tenant shows when it was made from it.

use tenantctl::blueprint::{kept, read, restored, surroundings};
use tenantctl::db::SchemaName;

use crate::library::pool_of_one;
use crate::support::{Database, Judge};

const TEMPLATE: &str = "tenant_template";

/// A database whose registry keeps the template's definition, with one word in it changed.
fn with_a_mark() -> Database {
    let database = Database::new();
    database.run(&["create", "first"]).success();
    mark(&database);
    database
}

fn mark(database: &Database) {
    let marked = database.sql(
        "UPDATE tenant_known_fingerprints SET definition = \
         replace(definition, 'COMMENT ON TABLE users IS ''', 'COMMENT ON TABLE users IS ''Marked. ') \
         WHERE definition LIKE '%COMMENT ON TABLE users IS ''%' RETURNING 'marked'",
    );
    assert_eq!(marked, "marked");
}

/// Whether the tenant was made from what was kept.
fn is_marked(database: &Database, tenant: &str) -> bool {
    database.sql(&format!(
        "SELECT obj_description('tenant_{tenant}.users'::regclass) LIKE 'Marked. %'"
    )) == "t"
}

#[test]
fn a_second_create_does_not_read_the_template_again() {
    let database = with_a_mark();
    database.run(&["create", "second", "third"]).success();
    assert!(is_marked(&database, "second") && is_marked(&database, "third"));
    assert!(!is_marked(&database, "first"));
}

#[test]
fn a_template_that_was_changed_is_read_again_and_kept_anew() {
    let database = with_a_mark();
    database.sql("ALTER TABLE tenant_template.users ADD COLUMN nickname text");
    database.run(&["create", "second"]).success();
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_second");

    mark(&database);
    database.run(&["create", "third"]).success();
    assert!(is_marked(&database, "third"));
    assert_eq!(
        database.sql("SELECT count(nickname) FROM tenant_third.users"),
        "0"
    );
}

#[test]
fn a_role_of_another_name_is_a_reason_to_read_again() {
    let database = Database::new();
    let (reader, renamed) = (
        format!("{}_reader", database.name()),
        format!("{}_renamed", database.name()),
    );
    database.sql(&format!(
        "CREATE ROLE {reader}; GRANT SELECT ON tenant_template.users TO {reader}"
    ));
    database.run(&["create", "first"]).success();
    mark(&database);
    database.sql(&format!(
        "ALTER ROLE {reader} RENAME TO {renamed}; CREATE ROLE {reader}"
    ));
    database.run(&["create", "second"]).success();
    let may_read = |role: &str| {
        database.sql(&format!(
            "SELECT has_table_privilege('{role}', 'tenant_second.users', 'SELECT')"
        ))
    };
    assert_eq!(
        (may_read(&renamed).as_str(), may_read(&reader).as_str()),
        ("t", "f")
    );
    assert!(!is_marked(&database, "second"));
    database.sql(&format!("DROP OWNED BY {renamed}; DROP ROLE {renamed}, {reader}"));
}

#[tokio::test]
async fn a_role_that_gets_another_name_while_the_template_is_read_is_a_reason_to_read_again() {
    let database = Database::new();
    let role = format!("{}_reader", database.name());
    database.sql(&format!(
        "CREATE ROLE {role}; GRANT SELECT ON tenant_template.users TO {role}"
    ));
    let template = SchemaName::new(TEMPLATE).expect("a valid name");
    let db = pool_of_one(&database);
    let mut session = db.direct().await.expect("a session");
    for (change, is_kept) in [
        ("SELECT 1".to_owned(), true),
        (format!("COMMENT ON ROLE {role} IS 'x'"), false),
        (format!("ALTER ROLE {role} RENAME TO {role}_renamed"), false),
    ] {
        let around = surroundings(&mut session, &template).await.expect("read");
        database.sql(&change);
        let blueprint = read(&mut session, None, &template).await.expect("read");
        let text = kept(&around, &blueprint).expect("it may be kept");
        let restored = restored(&mut session, &text).await.expect("an answer");
        assert_eq!(restored.is_some(), is_kept, "{change}");
    }
    database.sql(&format!("DROP OWNED BY {role}_renamed; DROP ROLE {role}_renamed"));
}

#[test]
fn privileges_that_new_objects_get_are_a_reason_to_read_again() {
    let database = with_a_mark();
    database.sql("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC");
    database.run(&["create", "second"]).success();
    assert!(!is_marked(&database, "second"));
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_second");
}

#[test]
fn what_does_not_follow_is_said_each_time() {
    let database = with_a_mark();
    database.sql("CREATE PUBLICATION news FOR TABLE tenant_template.users");
    database
        .run(&["create", "second"])
        .success()
        .says("publication news does not follow");
    database
        .run(&["create", "third"])
        .success()
        .says("publication news does not follow");
}

#[test]
fn what_others_may_write_is_not_run() {
    for grant in [
        "GRANT UPDATE ON tenant_known_fingerprints TO PUBLIC",
        "GRANT UPDATE (definition) ON tenant_known_fingerprints TO PUBLIC",
        "ALTER TABLE tenant_known_fingerprints OWNER TO pg_monitor",
    ] {
        let database = with_a_mark();
        database.sql(grant);
        database.run(&["create", "second"]).success();
        assert!(!is_marked(&database, "second"), "{grant}");
    }
}

#[test]
fn what_cannot_be_understood_is_read_and_kept_anew() {
    let database = with_a_mark();
    for definition in ["", "nonsense", r#"{"reader": "0.0.1/1/0", "blueprint": 7}"#] {
        database.sql(&format!(
            "UPDATE tenant_known_fingerprints SET definition = '{definition}'"
        ));
        database
            .run(&["create", &format!("after-{}", definition.len())])
            .success();
    }
    mark(&database);
    database.run(&["create", "last"]).success();
    assert!(is_marked(&database, "last"));
}

#[test]
fn a_template_that_needs_something_outside_is_read_each_time() {
    let database = Database::new();
    database.sql("CREATE TYPE public.mood AS ENUM ('good'); ALTER TABLE tenant_template.users ADD COLUMN mood public.mood");
    database.run(&["create", "first"]).success();
    assert_eq!(
        database.sql("SELECT count(definition) FROM tenant_known_fingerprints"),
        "0"
    );
    database.sql("ALTER TYPE public.mood RENAME TO temper; CREATE TYPE public.mood AS ENUM ('bad')");
    database.run(&["create", "second"]).success();
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_second");
}

#[test]
fn columns_that_come_late_are_kept_in_their_order() {
    let database = Database::new();
    database.sql(
        "SET search_path = tenant_template; CREATE TABLE late (a int); CREATE TABLE below (b int) INHERITS (late); \
         ALTER TABLE late ADD COLUMN c int",
    );
    database.run(&["create", "first"]).success();
    mark(&database);
    database.run(&["create", "second"]).success();
    assert!(is_marked(&database, "second"));
    let columns = |schema: &str| {
        database.sql(&format!(
            "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
             WHERE attrelid = '{schema}.below'::regclass AND attnum > 0"
        ))
    };
    for schema in ["tenant_template", "tenant_first", "tenant_second"] {
        assert_eq!(columns(schema), "a b c", "{schema}");
    }
}
