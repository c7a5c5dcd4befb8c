//! One family of objects a test: its file in `sql/` is run in the template, a tenant is created, and nothing may differ.

use super::{TEMPLATE, cloned};
use crate::support::{Database, Judge};

/// Expects a tenant that equals its template in everything that this family holds.
#[track_caller]
fn clone_is_faithful(family: &str) {
    let database = Database::empty();
    cloned(&database, family);
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
}

#[test]
fn tables_are_cloned_faithfully() {
    clone_is_faithful("tables");
}

#[test]
fn children_with_columns_in_another_order_are_cloned_faithfully() {
    clone_is_faithful("column_order");
}

#[test]
fn partitions_are_cloned_faithfully() {
    clone_is_faithful("partitions");
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
