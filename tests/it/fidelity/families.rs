//! One family of objects a test: its file in `sql/` is run in the template, a tenant is created, cloned, and the clone's
//! backup restored, and nothing may differ.

use super::{TEMPLATE, cloned, expect_columns_in_order, server_with_roles};
use crate::backup::Backups;
use crate::support::{Database, Judge, psql};

/// Expects tenants that equal their template in everything that this family holds, however they are made.
#[track_caller]
fn clone_is_faithful(family: &str) {
    every_copy_is_faithful(Database::empty(), family);
}

/// The same for a family that makes roles.
#[track_caller]
fn clone_is_faithful_to_roles(family: &str) {
    every_copy_is_faithful(Database::on(server_with_roles()), family);
}

#[track_caller]
fn every_copy_is_faithful(database: Database, family: &str) {
    cloned(&database, family);
    let backups = Backups::of(database);
    let database = &backups.database;
    database.run(&["clone", "acme", "globex", "--quiet"]).success();
    let file = backups.take("globex");
    database
        .run(&["restore", &file, "--as", "initech", "--quiet"])
        .success();
    let pairs = ["tenant_acme", "tenant_globex", "tenant_initech"].map(|copy| (TEMPLATE, copy));
    for ((_, copy), differences) in pairs
        .iter()
        .zip(Judge::new(database.url()).differences_of_all(&pairs))
    {
        assert!(
            differences.is_empty(),
            "{family} in {copy}:\n{}",
            differences.join("\n")
        );
    }
    expect_its_fingerprint(database, family);
}

/// Expects the tenant to have its template's fingerprint, which it was registered with, and not only the same texts.
#[track_caller]
fn expect_its_fingerprint(database: &Database, family: &str) {
    let registered = || database.sql("SELECT schema_fingerprint FROM tenants WHERE slug = 'acme'");
    let of_the_template = registered();
    database.run(&["drift", "acme"]).success();
    assert_eq!(registered(), of_the_template, "{family}");
}

#[test]
fn tables_are_cloned_faithfully() {
    clone_is_faithful("tables");
}

#[test]
fn children_that_differ_from_their_parents_are_cloned_faithfully() {
    let database = Database::empty();
    cloned(&database, "inheritance");
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
    expect_columns_in_order(&database, TEMPLATE, "tenant_acme");
}

#[test]
fn partitions_are_cloned_faithfully() {
    clone_is_faithful("partitions");
}

/// The partitions of a schema in the order in which they were attached.
fn attached(database: &Database, schema: &str) -> String {
    database.sql(&format!(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY i.ctid"
    ))
}

/// Since PostgreSQL 17 partitions have the identity of their parents, which is passed on one level at a time.
#[test]
fn partitions_are_attached_from_the_top() {
    let database = Database::empty();
    database.sql(
        "CREATE SCHEMA tenant_template; SET search_path = tenant_template; \
         CREATE TABLE whole (id bigint GENERATED ALWAYS AS IDENTITY, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); \
         CREATE TABLE part PARTITION OF whole FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (id); \
         CREATE TABLE a_leaf PARTITION OF part FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
    );
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "acme", "--quiet"]).success();
    let columns = |schema: &str| {
        database.sql(&format!(
            "SELECT c.relname, a.attname, a.attidentity FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 ORDER BY 1, 2"
        ))
    };
    assert_eq!(columns("tenant_acme"), columns("tenant_template"));
    assert_eq!(attached(&database, "tenant_acme"), "part\na_leaf");
}

#[test]
fn what_rows_of_partitions_need_not_meet_comes_along_with_them() {
    let database = Database::empty();
    database.sql(
        "CREATE SCHEMA tenant_template; SET search_path = tenant_template; \
         CREATE TABLE whole (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); \
         CREATE TABLE part PARTITION OF whole FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (id); \
         CREATE TABLE leaf PARTITION OF part FOR VALUES WITH (MODULUS 1, REMAINDER 0); \
         CREATE TABLE rest PARTITION OF whole DEFAULT; CREATE INDEX whole_at ON whole (at); \
         CREATE TABLE also (id int) PARTITION BY RANGE (id); \
         CREATE TABLE also_part PARTITION OF also FOR VALUES FROM (1) TO (9) PARTITION BY RANGE (id); \
         CREATE TABLE a_leaf PARTITION OF also_part FOR VALUES FROM (1) TO (9)",
    );
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "acme", "--quiet"]).success();
    database.sql(
        "SET search_path = tenant_acme; INSERT INTO whole VALUES (-1, '2026-05-05'), (-2, '2020-01-01'); \
         ALTER TABLE rest ADD CONSTRAINT \"positive\" CHECK (id > 0) NOT VALID; \
         ALTER TABLE whole ADD CONSTRAINT \"positive\" CHECK (id > 0) NOT VALID; \
         ALTER TABLE rest ADD CONSTRAINT even CHECK (id % 2 = 0); \
         ALTER TABLE also ADD CONSTRAINT proven_below CHECK (id > 0) NOT VALID; \
         ALTER TABLE also_part VALIDATE CONSTRAINT proven_below",
    );
    let backups = Backups::of(database);
    let database = &backups.database;
    database.run(&["clone", "acme", "globex", "--quiet"]).success();
    let file = backups.take("acme");
    database
        .run(&["restore", &file, "--as", "initech", "--quiet"])
        .success();
    for copy in ["tenant_globex", "tenant_initech"] {
        Judge::new(database.url()).expect_faithful("tenant_acme", copy);
        let rows = format!("SELECT tableoid::regclass, * FROM {copy}.whole ORDER BY id");
        let rows = database.sql(&rows).replace(&format!("{copy}."), "");
        assert_eq!(rows, "rest|-2|2020-01-01\nleaf|-1|2026-05-05");
        assert_eq!(attached(database, copy), "also_part\na_leaf\npart\nleaf\nrest");
    }
}

#[test]
fn constraints_are_cloned_faithfully() {
    clone_is_faithful("constraints");
}

#[test]
fn indexes_are_cloned_faithfully() {
    clone_is_faithful("indexes");
}

#[test]
fn sequences_are_cloned_faithfully() {
    clone_is_faithful("sequences");
}

#[test]
fn types_are_cloned_faithfully() {
    clone_is_faithful("types");
}

#[test]
fn functions_are_cloned_faithfully() {
    clone_is_faithful("functions");
}

#[test]
fn operators_are_cloned_faithfully() {
    clone_is_faithful("operators");
}

#[test]
fn text_search_is_cloned_faithfully() {
    clone_is_faithful("text_search");
}

#[test]
fn constants_that_are_names_are_cloned_faithfully() {
    clone_is_faithful("reg_constants");
}

#[test]
fn collations_are_cloned_faithfully() {
    clone_is_faithful("collations");
}

#[test]
fn views_are_cloned_faithfully() {
    clone_is_faithful("views");
}

#[test]
fn materialized_views_are_cloned_faithfully() {
    clone_is_faithful("matviews");
}

#[test]
fn rules_are_cloned_faithfully() {
    clone_is_faithful("rules");
}

#[test]
fn triggers_are_cloned_faithfully() {
    clone_is_faithful("triggers");
}

#[test]
fn extended_statistics_are_cloned_faithfully() {
    clone_is_faithful("statistics");
}

#[test]
fn comments_are_cloned_faithfully() {
    clone_is_faithful("comments");
}

#[test]
fn foreign_tables_are_cloned_faithfully() {
    clone_is_faithful("foreign_tables");
}

#[test]
fn objects_that_need_one_another_are_cloned_faithfully() {
    clone_is_faithful("cycles");
}

#[test]
fn bodies_that_need_one_another_are_cloned_faithfully() {
    clone_is_faithful("cycles_of_bodies");
}

#[test]
fn hostile_names_are_cloned_faithfully() {
    clone_is_faithful("hostile_names");
}

#[test]
fn expressions_that_change_when_they_are_read_back_are_cloned_faithfully() {
    let database = Database::empty();
    cloned(&database, "unstable_deparse");
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
    // The words differ, and so do the fingerprints.
    database.run(&["drift", "acme"]).success().says("no drift");
}

#[test]
fn what_postgresql_16_brought_is_cloned_faithfully() {
    clone_is_faithful("new_in_16");
}

#[test]
fn what_postgresql_17_brought_is_cloned_faithfully() {
    clone_is_faithful("new_in_17");
}

#[test]
fn what_postgresql_18_brought_is_cloned_faithfully() {
    clone_is_faithful("new_in_18");
}

#[test]
fn row_security_is_cloned_faithfully() {
    clone_is_faithful_to_roles("row_security");
}

#[test]
fn grants_are_cloned_faithfully() {
    clone_is_faithful_to_roles("grants");
}

#[test]
fn default_privileges_are_cloned_faithfully() {
    clone_is_faithful_to_roles("default_privileges");
}

#[test]
fn default_privileges_of_the_database_change_nothing() {
    clone_is_faithful_to_roles("default_privileges_of_database");
}

#[test]
fn owners_are_cloned_faithfully() {
    clone_is_faithful_to_roles("owners");
}

#[test]
fn tablespaces_are_cloned_faithfully() {
    let server = server_with_roles();
    let maintenance = server.url("postgres");
    let folder = server.folder().join("space");
    std::fs::create_dir(&folder).expect("a folder");
    server.owner().give(&folder).expect("given");
    psql(
        &maintenance,
        &format!("CREATE TABLESPACE fidelity_space LOCATION '{}'", folder.display()),
    )
    .expect("a tablespace");
    clone_is_faithful_to_roles("tablespaces");
    psql(&maintenance, "DROP TABLESPACE fidelity_space").expect("nothing is left in it");
}
