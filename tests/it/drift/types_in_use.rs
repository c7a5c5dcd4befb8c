//! `drift --sql` over types that hold rows together, and sequences that somebody counts with.

use super::{in_schema, listed, mended, schema_of};
use crate::support::{Database, run_script};

/// Tenants of one template, then each with its change.
fn tenants(template: &str, changes: &[(&str, &str)]) -> Database {
    let database = Database::new();
    database.sql("DROP SCHEMA tenant_template CASCADE; CREATE SCHEMA tenant_template");
    in_schema(&database, "tenant_template", template);
    let slugs: Vec<&str> = changes.iter().map(|(slug, _)| *slug).collect();
    database.run(&[&["create"], slugs.as_slice()].concat()).success();
    for (slug, change) in changes {
        in_schema(&database, &schema_of(slug), change);
    }
    database
}

#[test]
fn an_attribute_whose_values_are_in_tables_keeps_its_type() {
    let database = tenants(
        "CREATE TYPE spot AS (x integer, y integer); CREATE DOMAIN mark AS spot; CREATE TYPE route AS (start spot[]);
         CREATE TABLE plain (id integer, at spot); CREATE TYPE seen AS (a integer); CREATE TYPE free AS (a integer);
         CREATE TABLE nested (id integer, at route, CONSTRAINT positive CHECK (id > 0));
         CREATE FUNCTION found() RETURNS seen LANGUAGE sql AS 'SELECT NULL::seen';
         CREATE VIEW sight AS SELECT (found()).a AS a;",
        &[
            (
                "plain",
                "DROP TABLE nested; ALTER TABLE plain RENAME TO p; \
                 ALTER TABLE p DROP COLUMN at; ALTER TYPE spot ALTER ATTRIBUTE x TYPE bigint; \
                 ALTER TABLE p ADD COLUMN at spot; ALTER TABLE p RENAME TO plain",
            ),
            (
                "nested",
                "ALTER TABLE plain DROP COLUMN at; ALTER TABLE nested DROP COLUMN at; \
                 ALTER TYPE spot ALTER ATTRIBUTE x TYPE bigint; ALTER TABLE nested DROP CONSTRAINT positive; \
                 ALTER TABLE nested ADD COLUMN at route; INSERT INTO nested (id) VALUES (1); UPDATE nested SET at.start = ARRAY[ROW(5000000000, 1)::spot]",
            ),
            (
                "seen",
                "DROP VIEW sight; ALTER TYPE seen ALTER ATTRIBUTE a TYPE bigint, ADD ATTRIBUTE b text; \
                 CREATE VIEW sight AS SELECT (found()).a AS a; CREATE VIEW more AS SELECT (found()).b AS b",
            ),
            ("free", "ALTER TYPE free ALTER ATTRIBUTE a TYPE text, ADD ATTRIBUTE b text"),
            ("added", "ALTER TYPE spot DROP ATTRIBUTE y"),
            ("extra", "ALTER TYPE spot ADD ATTRIBUTE z integer"),
        ],
    );
    assert_eq!(mended(&database, &["seen", "free", "added"], &[]), [""; 0]);
    for slug in ["plain", "nested"] {
        let run = database.run(&["drift", slug, "--sql"]).exits(4);
        let remark = "-- not mended, values of the type are stored: attribute spot.x\n";
        assert!(run.stdout.contains(remark), "{}", run.stdout);
        run_script(database.url(), &run.stdout).expect("it does the rest");
        let json = database.run(&["drift", slug, "-o", "json"]).exits(4).json();
        assert_eq!(listed(&json, slug), ["different attribute spot.x"]);
    }
    assert_eq!(
        database.sql("SELECT (at).start[1].x FROM tenant_nested.nested"),
        "5000000000"
    );
    let run = database.run(&["drift", "extra", "--sql"]).exits(4);
    assert!(
        run.stdout
            .contains("-- loses data: ALTER TYPE spot DROP ATTRIBUTE z;"),
        "{}",
        run.stdout
    );
    assert_eq!(mended(&database, &["extra"], &["--allow-data-loss"]), [""; 0]);
}

#[test]
fn tables_of_a_type_follow_it() {
    let database = tenants(
        "CREATE TYPE person AS (id integer, name text, note text);
         CREATE TABLE people OF person (id WITH OPTIONS PRIMARY KEY, name WITH OPTIONS NOT NULL DEFAULT '-');
         CREATE VIEW named AS SELECT id, note FROM people;",
        &[
            (
                "missing",
                "DROP VIEW named; ALTER TYPE person DROP ATTRIBUTE name CASCADE, DROP ATTRIBUTE note CASCADE",
            ),
            (
                "other",
                "DROP VIEW named; ALTER TYPE person ALTER ATTRIBUTE note TYPE varchar(9) CASCADE; INSERT INTO people VALUES (1, 'Ada', 'x'); CREATE VIEW named AS SELECT id, note FROM people",
            ),
            (
                "extra",
                "ALTER TYPE person ADD ATTRIBUTE age integer CASCADE; CREATE VIEW ages AS SELECT age FROM people; INSERT INTO people VALUES (1, 'Ada', 'x', 36)",
            ),
        ],
    );
    assert_eq!(mended(&database, &["missing"], &[]), [""; 0]);
    let run = database.run(&["drift", "other", "--sql"]).exits(4);
    assert!(
        run.stdout
            .contains("-- not mended, values of the type are stored: attribute person.note"),
        "{}",
        run.stdout
    );
    let run = database.run(&["drift", "extra", "--sql"]).exits(4);
    assert_eq!(
        run.stdout
            .lines()
            .filter(|line| line.starts_with("-- loses"))
            .collect::<Vec<_>>(),
        ["-- loses data: ALTER TYPE person DROP ATTRIBUTE age CASCADE;"]
    );
    run_script(database.url(), &run.stdout).expect("it does the rest");
    assert_eq!(database.sql("SELECT age FROM tenant_extra.people"), "36");
    assert_eq!(mended(&database, &["extra"], &["--allow-data-loss"]), [""; 0]);
}

#[test]
fn a_sequence_that_counts_for_itself_is_not_dropped_without_asking() {
    let database = tenants(
        "CREATE TABLE plain (id integer); CREATE TABLE counted (id integer GENERATED BY DEFAULT AS IDENTITY)",
        &[
            (
                "free",
                "CREATE SEQUENCE tickets; ALTER TABLE plain ALTER id SET DEFAULT nextval('tickets')",
            ),
            (
                "owned",
                "CREATE SEQUENCE numbers OWNED BY plain.id; ALTER TABLE plain ALTER id SET DEFAULT nextval('numbers')",
            ),
            (
                "table",
                "CREATE TABLE legacy (id serial); ALTER TABLE plain ADD COLUMN number serial",
            ),
            (
                "serial",
                "ALTER TABLE counted ALTER id DROP IDENTITY; CREATE SEQUENCE counted_id_seq1 OWNED BY counted.id; \
                        ALTER TABLE counted ALTER id SET DEFAULT nextval('counted_id_seq1')",
            ),
        ],
    );
    let losses = |slug: &str| {
        let run = database.run(&["drift", slug, "--sql"]).exits(4);
        let lines = run.stdout.lines();
        lines
            .filter(|line| line.starts_with("-- loses data: "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(losses("free"), "-- loses data: DROP SEQUENCE IF EXISTS tickets;");
    assert_eq!(losses("owned"), "-- loses data: DROP SEQUENCE IF EXISTS numbers;");
    assert_eq!(
        losses("table"),
        "-- loses data: DROP TABLE legacy;\n-- loses data: ALTER TABLE plain DROP COLUMN number;"
    );
    assert_eq!(
        mended(&database, &["serial"], &[]),
        [""; 0],
        "the numbers go on behind the rows"
    );
    assert_eq!(
        mended(&database, &["free", "owned", "table"], &["--allow-data-loss"]),
        [""; 0]
    );
}
