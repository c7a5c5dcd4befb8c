//! Files whose statements want no transaction, interrupted anywhere: the next run goes on.

use super::no_transaction::{LINE, SINGLY, blocker, indexes, interrupt, interrupt_at};
use crate::support::Fleet;

#[test]
fn an_index_left_half_built_is_built_anew() {
    let fleet = Fleet::new(2);
    fleet.file("V2__singly.sql", SINGLY);
    interrupt(&fleet, "orders", "^CREATE INDEX CONCURRENTLY");
    assert_eq!(
        indexes(&fleet, "by_amount"),
        "tenant_t01 false, tenant_template true"
    );
    assert_eq!(fleet.versions(), "1:2");
    fleet.migrate(&["--all"]).success();
    assert_eq!(
        indexes(&fleet, "by_amount"),
        "tenant_t01 true, tenant_t02 true, tenant_template true"
    );
    assert_eq!(fleet.versions(), "2:2");
    fleet.run(&["drift", "--all"]).success();
}

/// Two indexes, of which the second can be interrupted once the first is there.
const TWO: &str = "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY by_amount ON orders (amount);\n\
                   CREATE INDEX CONCURRENTLY by_name ON customers (name);";
const SECOND: &str = "^CREATE INDEX CONCURRENTLY by_name";

/// Finishes the migration everywhere: each schema has both indexes, and nothing is left of the interruption.
fn expect_both_indexes(fleet: &Fleet) {
    fleet.migrate(&["--all"]).success();
    let tenants = fleet.sql("SELECT count(*) FROM tenants");
    assert_eq!(fleet.versions(), format!("2:{tenants}"));
    fleet.run(&["drift", "--all"]).success();
    for name in ["by_amount", "by_name"] {
        assert_eq!(
            indexes(fleet, name).matches(" true").count().to_string(),
            fleet.sql("SELECT 1 + count(*) FROM tenants")
        );
    }
    assert_eq!(
        fleet.sql("SELECT count(*) FROM tenant_unfinished_migrations"),
        "0"
    );
}

#[test]
fn copies_of_a_tenant_go_on_where_it_was_interrupted() {
    let fleet = Fleet::new(1);
    fleet.configure("[backup]\ndir = 'backups'\n");
    std::fs::create_dir(fleet.folder().join("backups")).expect("a folder");
    fleet.file("V2__two.sql", TWO);
    interrupt(&fleet, "customers", SECOND);
    fleet.migrate(&["--rehearse", "t01"]).success();
    fleet.run(&["clone", "t01", "copy"]).success();
    fleet.run(&["drop", "t01", "--yes"]).success();
    let left = "SELECT string_agg(schema_name, ', ' ORDER BY schema_name) FROM tenant_unfinished_migrations";
    assert_eq!(fleet.sql(left), "tenant_copy");
    fleet.run(&["undrop", "t01"]).success();
    let file = std::fs::read_dir(fleet.folder().join("backups"))
        .expect("readable")
        .filter_map(|entry| entry.expect("readable").file_name().into_string().ok())
        .find(|name| name.ends_with(".zst"))
        .expect("a backup");
    let file = format!("backups/{file}");
    fleet.run(&["restore", &file, "--as", "restored"]).success();
    assert_eq!(fleet.sql(left), "tenant_copy, tenant_restored, tenant_t01");
    let marks =
        "SELECT count(*) FROM tenant_unfinished_migrations WHERE texts IS NOT NULL GROUP BY statement, texts";
    assert_eq!(fleet.sql(marks), "3");
    expect_both_indexes(&fleet);
}

#[test]
fn copies_in_a_registry_from_before_have_the_number_alone() {
    let fleet = Fleet::new(1);
    fleet.configure("[backup]\ndir = '.'\n");
    fleet.file("V2__two.sql", TWO);
    interrupt(&fleet, "customers", SECOND);
    let taken = fleet.run(&["backup", "t01", "-o", "json"]).success().json();
    let file = taken["backups"][0]["file"].as_str().expect("a name");
    fleet.sql("ALTER TABLE tenant_unfinished_migrations DROP COLUMN texts");
    fleet.run(&["clone", "t01", "copy"]).success();
    fleet.run(&["restore", file, "--as", "restored"]).success();
    assert_eq!(
        fleet.sql("SELECT string_agg(schema_name || ' ' || statement, ', ' ORDER BY schema_name) FROM tenant_unfinished_migrations"),
        "tenant_copy 2, tenant_restored 2, tenant_t01 2"
    );
}

#[test]
fn a_tenant_that_is_replaced_forgets_where_it_was_interrupted() {
    let fleet = Fleet::new(1);
    fleet.configure("[backup]\ndir = '.'\n");
    let taken = fleet.run(&["backup", "t01", "-o", "json"]).success().json();
    let file = taken["backups"][0]["file"].as_str().expect("a name").to_owned();
    fleet.file("V2__two.sql", TWO);
    interrupt(&fleet, "customers", SECOND);
    fleet.run(&["restore", &file, "--replace", "--yes"]).success();
    expect_both_indexes(&fleet);
}

#[test]
fn tenants_made_from_an_interrupted_template_go_on_where_it_was() {
    let fleet = Fleet::new(0);
    fleet.file("V2__two.sql", TWO);
    interrupt_at(&fleet, blocker(&fleet, "tenant_template.customers"), SECOND);
    fleet.run(&["create", "t01", "t02"]).success();
    expect_both_indexes(&fleet);
}

/// A fleet whose template has failed at the last statement of a file.
fn failed_at_the_last(statements: &str) -> Fleet {
    let fleet = Fleet::new(1);
    fleet.file("V2__singly.sql", &format!("{LINE}{statements}"));
    fleet.migrate(&["--all"]).exits(1).says("failed at statement 3");
    fleet
}

const THREE: &str = "CREATE INDEX CONCURRENTLY a1 ON orders (amount);\n\
                     CREATE INDEX CONCURRENTLY a2 ON customers (name);\n\
                     CREATE INDEX CONCURRENTLY a3 ON customers (nope);";

#[test]
fn a_file_that_became_another_one_is_run_from_its_beginning() {
    let everywhere = "tenant_t01 true, tenant_template true";
    let others = [
        "UPDATE customers SET name = name;\nCREATE INDEX CONCURRENTLY b0 ON orders (amount);\n\
         CREATE INDEX CONCURRENTLY IF NOT EXISTS a1 ON orders (amount);",
        "CREATE INDEX CONCURRENTLY b0 ON orders (amount);",
    ];
    for other in others {
        let fleet = failed_at_the_last(THREE);
        fleet.file("V2__singly.sql", &format!("{LINE}{other}"));
        fleet
            .migrate(&["--all"])
            .success()
            .says("V2__singly was interrupted at statement 3 and has other statements now");
        assert_eq!(indexes(&fleet, "b0"), everywhere);
        assert_eq!(fleet.versions(), "2:1");
    }
}

#[test]
fn a_statement_that_was_corrected_is_run_and_those_before_it_are_not_again() {
    let fleet = failed_at_the_last(THREE);
    let corrected = THREE.replace("(nope)", "(name)");
    let with_words = format!("{LINE}-- Now with a column that is there.\n{corrected}");
    fleet.file("V2__singly.sql", &with_words);
    fleet.migrate(&["--all"]).success();
    for name in ["a1", "a2", "a3"] {
        assert_eq!(indexes(&fleet, name), "tenant_t01 true, tenant_template true");
    }
    fleet.run(&["drift", "--all"]).success();
}

/// What is there under the name of a statement that was never run is not what it makes.
#[test]
fn a_statement_that_was_corrected_is_not_taken_for_done() {
    let fleet = failed_at_the_last(THREE);
    let corrected = THREE.replace("a3 ON customers (nope)", "a1 ON customers (name)");
    fleet.file("V2__singly.sql", &format!("{LINE}{corrected}"));
    fleet.migrate(&["--all"]).exits(1).says("already exists");
}

/// A program from before has not written down which statements those were.
#[test]
fn a_mark_without_texts_counts_where_the_file_has_as_many_statements() {
    let corrected = THREE.replace("(nope)", "(name)");
    let shorter = "CREATE INDEX CONCURRENTLY b0 ON orders (amount);";
    for (now, index) in [(corrected.as_str(), "a3"), (shorter, "b0")] {
        let fleet = failed_at_the_last(THREE);
        fleet.sql("UPDATE tenant_unfinished_migrations SET texts = NULL");
        fleet.file("V2__singly.sql", &format!("{LINE}{now}"));
        fleet.migrate(&["--all"]).success();
        assert_eq!(indexes(&fleet, index), "tenant_t01 true, tenant_template true");
    }
}

/// Behind the tenant's schema the search path has others.
#[test]
fn an_index_of_that_name_elsewhere_is_not_taken_for_the_tenants() {
    let fleet = Fleet::new(1);
    fleet.file("V2__singly.sql", SINGLY);
    fleet.sql("CREATE TABLE public.others (a int); CREATE INDEX by_amount ON public.others (a)");
    interrupt(&fleet, "orders", "^CREATE INDEX CONCURRENTLY");
    fleet.sql("DROP INDEX tenant_t01.by_amount");
    fleet.migrate(&["--all"]).success();
    let everywhere = "public true, tenant_t01 true, tenant_template true";
    assert_eq!(indexes(&fleet, "by_amount"), everywhere);

    fleet.file(
        "V3__singly.sql",
        &format!("{LINE}DROP INDEX CONCURRENTLY by_amount"),
    );
    interrupt(&fleet, "orders", "^DROP INDEX CONCURRENTLY");
    fleet.sql("DROP INDEX IF EXISTS tenant_t01.by_amount");
    fleet.migrate(&["--all"]).success();
    assert_eq!(indexes(&fleet, "by_amount"), "public true");
    assert_eq!(fleet.versions(), "3:1");
}

#[test]
fn a_migration_that_is_recorded_after_all_is_not_half_done_any_more() {
    let fleet = Fleet::new(1);
    fleet.file("V2__singly.sql", SINGLY);
    interrupt(&fleet, "orders", "^CREATE INDEX CONCURRENTLY");
    let marks = "SELECT count(*) FROM tenant_unfinished_migrations";
    assert_eq!(fleet.sql(marks), "1");
    fleet.migrate(&["--all", "--fake"]).success();
    assert_eq!(
        (fleet.sql(marks).as_str(), fleet.versions().as_str()),
        ("0", "2:1")
    );
}

#[test]
fn an_index_dropped_halfway_is_dropped() {
    let fleet = Fleet::new(2);
    fleet.file("V2__index.sql", "CREATE INDEX by_amount ON orders (amount)");
    fleet.migrate(&["--all"]).success();
    fleet.file(
        "V3__drop.sql",
        &format!("{LINE}DROP INDEX CONCURRENTLY by_amount"),
    );
    interrupt(&fleet, "orders", "^DROP INDEX CONCURRENTLY");
    fleet.migrate(&["--all"]).success();
    assert_eq!(indexes(&fleet, "by_amount"), "");
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn what_an_interrupted_reindex_leaves_is_removed() {
    let fleet = Fleet::new(1);
    fleet.file(
        "V2__reindex.sql",
        &format!("{LINE}REINDEX TABLE CONCURRENTLY orders"),
    );
    interrupt(&fleet, "orders", "^REINDEX");
    assert_eq!(indexes(&fleet, "_ccnew"), "tenant_t01 false");
    fleet.migrate(&["--all"]).success();
    assert_eq!(indexes(&fleet, "_cc(new|old)"), "");
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn a_partition_detached_halfway_is_detached() {
    let fleet = Fleet::new(1);
    fleet.file(
        "V2__parts.sql",
        "CREATE TABLE parts (id int) PARTITION BY RANGE (id); \
         CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (9); \
         CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (9) TO (19)",
    );
    fleet.migrate(&["--all"]).success();
    fleet.file(
        "V3__detach.sql",
        &format!("{LINE}ALTER TABLE parts DETACH PARTITION part_1 CONCURRENTLY;"),
    );
    interrupt(&fleet, "parts", "^ALTER TABLE parts DETACH");
    let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
    assert_eq!(fleet.sql(pending), "1");
    fleet.migrate(&["--all"]).success();
    assert_eq!(
        fleet.sql(
            "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = inhrelid WHERE relkind = 'r'"
        ),
        "2"
    );
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn statements_that_are_done_are_not_run_again() {
    let fleet = Fleet::new(2);
    fleet.sql("CREATE TABLE public.trace (schema text); CREATE TABLE tenant_t01.third ()");
    let sql = "INSERT INTO public.trace VALUES (current_schema());\n\
               CREATE INDEX CONCURRENTLY by_amount ON orders (amount);\nCREATE TABLE third ();";
    fleet.file("V2__three.sql", &format!("{LINE}{sql}"));
    fleet.file("V3__next.sql", "CREATE TABLE next ()");
    fleet
        .migrate(&["--all", "--on-error", "continue"])
        .exits(3)
        .says("migration `V2__three` failed at statement 3")
        .says("42P07");
    assert_eq!(
        (fleet.versions().as_str(), fleet.history("tenant_t01").as_str()),
        ("1:1 3:1", "1")
    );
    assert_eq!(fleet.log(), "partial: t01 failed, t02 done");
    fleet.sql("DROP TABLE tenant_t01.third");
    fleet.migrate(&["--all"]).success();
    assert_eq!(
        fleet.sql("SELECT string_agg(schema, ' ' ORDER BY schema) FROM trace"),
        "tenant_t01 tenant_t02 tenant_template"
    );
    assert_eq!(fleet.versions(), "3:2");
    assert_eq!(
        fleet.sql("SELECT count(*) FROM tenant_unfinished_migrations"),
        "0"
    );
}
