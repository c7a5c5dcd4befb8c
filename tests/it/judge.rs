//! The judge of clones on trial: it must be able to say no, and must not do so without reason.

use crate::support::{Database, Judge};

/// Two schemas by these definitions, the second with its own name where `{}` stands.
fn differences(database: &Database, original: (&str, &str), copy: (&str, &str)) -> Vec<String> {
    for (schema, sql) in [original, copy] {
        let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
        let sql = sql.replace("{}", &quoted);
        database.sql(&format!(
            "CREATE SCHEMA {quoted}; SET search_path = {quoted}; {sql}"
        ));
    }
    let found = Judge::new(database.url()).differences(original.0, copy.0);
    for schema in [original.0, copy.0] {
        database.sql(&format!(
            "DROP SCHEMA \"{}\" CASCADE",
            schema.replace('"', "\"\"")
        ));
    }
    found
}

const TABLE: &str = "CREATE TABLE t (id serial PRIMARY KEY, kind varchar(9) CHECK (kind IN ('a', 'it''s')));\
                     CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';";
const TRIGGER: &str = "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();";

#[test]
fn the_judge_calls_equal_schemas_equal_whatever_their_names() {
    let database = Database::empty();
    let whole =
        format!("{TABLE}{TRIGGER}COMMENT ON SCHEMA {{}} IS 'x'; GRANT USAGE ON SCHEMA {{}} TO public;");
    for odd in [
        "tenant_copy",
        "with space",
        "quo\"te",
        "that's",
        "back\\slash",
        "new\nline",
        "Upper",
        "select",
        "größe",
        "dot.ted",
        "dollar$",
        "*?+|",
    ] {
        let found = differences(&database, ("original", &whole), (odd, &whole));
        assert!(found.is_empty(), "{odd}: {}", found.join("\n"));
        let found = differences(&database, (odd, &whole), ("copy", &whole));
        assert!(found.is_empty(), "{odd}: {}", found.join("\n"));
    }
}

#[test]
fn the_judge_misses_a_trigger() {
    let database = Database::empty();
    let whole = format!("{TABLE}{TRIGGER}");
    let found = differences(&database, ("original", &whole), ("copy", TABLE));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("- Name: t tr; Type: TRIGGER; Schema: <schema>"));
    let found = differences(&database, ("original", TABLE), ("copy", &whole));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("+ Name: t tr; Type: TRIGGER"));
}

#[test]
fn the_judge_notices_small_things() {
    let database = Database::empty();
    let whole = format!("{TABLE}{TRIGGER}");
    for change in [
        "ALTER TABLE t ALTER kind SET STORAGE PLAIN",
        "ALTER TABLE t DISABLE TRIGGER tr",
        "ALTER SEQUENCE t_id_seq CACHE 7",
        "ALTER SEQUENCE t_id_seq OWNED BY NONE",
        "COMMENT ON CONSTRAINT t_pkey ON t IS 'mine'",
        "GRANT SELECT (kind) ON t TO public",
        "ALTER FUNCTION f() COST 7",
        "ALTER TABLE t SET (fillfactor = 70)",
        "ALTER TABLE t RENAME CONSTRAINT t_kind_check TO other",
        "REVOKE EXECUTE ON FUNCTION f() FROM public",
        "COMMENT ON SCHEMA {} IS 'mine'",
        "GRANT USAGE ON SCHEMA {} TO public",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT ON TABLES TO public",
        "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; DROP TABLE t; SET LOCAL default_table_access_method = other; CREATE TABLE t (id int)",
    ] {
        let changed = format!("{whole}{change}");
        let found = differences(&database, ("original", &whole), ("copy", &changed));
        assert!(!found.is_empty(), "not noticed: {change}");
    }
}

#[test]
fn the_judge_notices_a_copy_that_refers_to_its_original() {
    let database = Database::empty();
    let whole = format!("{TABLE}CREATE VIEW v AS SELECT id FROM {{}}.t;");
    let leak = format!("{TABLE}CREATE VIEW v AS SELECT id FROM original.t;");
    let found = differences(&database, ("original", &whole), ("copy", &leak));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("    + "), "{}", found[0]);
    assert!(found[0].contains("original.t"), "{}", found[0]);
}

#[test]
fn the_judge_leaves_words_alone_that_only_begin_like_the_name() {
    let database = Database::empty();
    let first = "CREATE TABLE a_b (a int); CREATE VIEW v AS SELECT a FROM {}.a_b;";
    let found = differences(&database, ("a", first), ("a_b", first));
    // The schema `a_b` has the name of its table, which the judge cannot tell apart: it says no, never yes.
    assert!(!found.is_empty());
    let second = "CREATE TABLE a_bc (ab int); CREATE VIEW ab AS SELECT ab FROM {}.a_bc;";
    let found = differences(&database, ("a_", second), ("a_b", second));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_judge_compares_rows_and_sequences_when_told_to() {
    let database = Database::empty();
    for (schema, rows) in [("one", 2), ("two", 3), ("three", 2)] {
        database.sql(&format!(
            "CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (id serial, note text); \
             INSERT INTO {schema}.t (note) SELECT 'a' || chr(10) || n FROM generate_series(1, {rows}) n"
        ));
    }
    let judge = Judge::new(database.url());
    judge.expect_faithful("one", "two");
    let judge = judge.with_data();
    judge.expect_faithful("one", "three");
    let found = judge.differences("one", "two").join("\n");
    assert!(found.contains("Type: TABLE DATA"), "{found}");
    assert!(found.contains("Type: SEQUENCE SET"), "{found}");
}

#[test]
fn the_judge_settles_two_forms_of_one_list() {
    let database = Database::empty();
    let first = "CREATE TABLE t (kind varchar(9) CONSTRAINT c CHECK (kind IN ('a', 'it''s, ok')));";
    let again = "CREATE TABLE t (kind varchar(9) CONSTRAINT c CHECK (((kind)::text = ANY \
                 (ARRAY[('a'::character varying)::text, ('it''s, ok'::character varying)::text]))));";
    let other = "CREATE TABLE t (kind varchar(9) CONSTRAINT c CHECK (kind IN ('a', 'it''s')));";
    assert_eq!(
        differences(&database, ("one", first), ("two", again)),
        Vec::<String>::new()
    );
    assert_eq!(differences(&database, ("one", first), ("two", other)).len(), 1);
}

#[test]
fn the_judge_tells_data_from_references_when_told_to() {
    let sql = "CREATE TABLE t (note text DEFAULT 'one is a word');";
    let database = Database::empty();
    for schema in ["one", "two"] {
        database.sql(&format!(
            "CREATE SCHEMA {schema}; SET search_path = {schema}; {sql}"
        ));
    }
    let judge = Judge::new(database.url());
    assert_eq!(judge.differences("one", "two").len(), 1);
    judge.keeping(&["'one is a word'"]).expect_faithful("one", "two");
}
