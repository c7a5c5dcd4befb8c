//! Columns that parents got when they had children already, where more than a new tenant is made.

use super::{TEMPLATE, cloned, expect_columns_in_order};
use crate::support::{Database, Judge, psql};

const CONTRADICTION: &str = "come before its own in the copy";

#[test]
fn clones_of_clones_keep_rows_and_the_order_of_columns() {
    let database = Database::empty();
    cloned(&database, "inheritance");
    // Until PostgreSQL 17 a child may keep a column nullable that its parent gets as NOT NULL.
    database.sql(
        "SET search_path = tenant_acme; \
         INSERT INTO late (a, c, e, i) VALUES (1, 2, 'parent', 3); \
         INSERT INTO late_child (a, b, c, e, g, i, l, o) VALUES (2, 3, 2, 'child', 7, 3, 8, 1); \
         INSERT INTO late_not (a, c, i, o) VALUES (3, 4, 5, 1); \
         INSERT INTO late_great_grandchild (a, k, h, o, e) VALUES (4, 5, 6, 7, 'e'); \
         INSERT INTO late_had (x, b, z, y) \
         SELECT 1, 2, 3, CASE WHEN attnotnull THEN 5 END \
           FROM pg_attribute WHERE attrelid = 'late_had'::regclass AND attname = 'y'",
    );
    for names in [["acme", "copy"], ["copy", "again"]] {
        database.run(&["clone", names[0], names[1], "--quiet"]).success();
    }
    for copy in ["tenant_copy", "tenant_again"] {
        Judge::new(database.url())
            .with_data()
            .expect_faithful("tenant_acme", copy);
        expect_columns_in_order(&database, TEMPLATE, copy);
    }
    assert_eq!(
        database.sql("SELECT a, m, n, o FROM tenant_again.late ORDER BY a"),
        database.sql("SELECT a, m, n, o FROM tenant_acme.late ORDER BY a")
    );
    database
        .run(&["drift", "--all"])
        .success()
        .says("no drift: compared 3 tenants");
    assert_eq!(
        database.sql("SELECT count(DISTINCT schema_fingerprint), count(*) FROM tenants"),
        "1|3"
    );
}

#[test]
fn what_went_with_a_parent_is_made_again_in_its_order() {
    let database = Database::empty();
    cloned(&database, "inheritance");
    database
        .sql("SET client_min_messages = warning; DROP TABLE tenant_acme.late, tenant_acme.late_one, tenant_acme.late_two CASCADE");
    mend(&database);
    expect_columns_in_order(&database, TEMPLATE, "tenant_acme");
}

/// It comes last then, as a column does that is added to a table with rows.
#[test]
fn a_late_column_that_is_missing_is_added_with_its_properties() {
    let database = Database::empty();
    cloned(&database, "inheritance");
    database.sql(
        "SET client_min_messages = warning; INSERT INTO tenant_acme.late_between (a, o) VALUES (1, 1); \
         ALTER TABLE tenant_acme.late DROP COLUMN l CASCADE; \
         DROP TABLE tenant_acme.late_quoted",
    );
    mend(&database);
}

/// Runs what `drift --sql` prints, and expects no drift after it.
#[track_caller]
fn mend(database: &Database) {
    let json = database
        .run(&["drift", "--all", "--sql", "-o", "json"])
        .exits(4)
        .json();
    let sql = json["tenants"][0]["sql"].as_str().expect("statements");
    psql(
        database.url(),
        &format!("SET client_min_messages = warning; {sql}"),
    )
    .unwrap_or_else(|error| panic!("{error}\n{sql}"));
    database.run(&["drift", "--all"]).success();
}

/// The parent stays where it is, and has all its columns when the copy of its child is made.
#[test]
fn a_late_column_of_a_parent_outside_is_reported() {
    let database = Database::empty();
    database.sql(
        "CREATE TABLE public.outside (a integer); CREATE SCHEMA tenant_template; \
         CREATE TABLE tenant_template.child (b integer) INHERITS (public.outside); \
         ALTER TABLE public.outside ADD COLUMN c integer",
    );
    database.run(&["init", "--quiet"]).success();
    let run = database.run(&["create", "acme"]).success();
    assert!(run.stderr.contains(CONTRADICTION), "{}", run.stderr);
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
}

#[test]
fn nothing_is_said_of_columns_that_stand_in_their_order() {
    let database = Database::empty();
    super::load(&database, "inheritance");
    database.run(&["init", "--quiet"]).success();
    let run = database.run(&["create", "acme"]).success();
    assert!(!run.stderr.contains(CONTRADICTION), "{}", run.stderr);
}
