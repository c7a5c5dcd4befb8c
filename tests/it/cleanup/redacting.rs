//! What redaction does to a row it does once, or not at all.

use std::fs;

use super::{ask, cleanup, each, fleet, policy};
use crate::support::Fleet;

const NOTES: &str = "CREATE TABLE notes (id int PRIMARY KEY, at timestamptz, k text, seen_at timestamptz)";

/// Due rows with room between them, so that new versions of rows land before and behind the old ones.
fn notes(set: &str) -> Fleet {
    let fleet = fleet(NOTES, 1, &redact(set));
    each(
        &fleet,
        "INSERT INTO notes SELECT n, '2020-01-01', 'user' || n % 7 FROM generate_series(1, 20000) n; \
         DELETE FROM notes WHERE id % 10 = 0",
    );
    fleet.sql("VACUUM tenant_t01.notes");
    fleet
}

fn redact(set: &str) -> String {
    policy(
        "notes",
        "at",
        &format!("action = 'redact'\nmax_fraction = 1.0\n{set}"),
    )
}

/// Writes another policy in the place of the one that is there.
fn rewrite(fleet: &Fleet, set: &str) {
    fs::write(fleet.folder().join("retention.toml"), redact(set)).expect("written");
}

const SUM: &str = "SELECT md5(string_agg(notes::text, ',' ORDER BY id)) FROM notes";

#[test]
fn what_would_change_with_every_run_is_refused_before_a_row_has_changed() {
    let fleet = notes("set = { k = 'md5(k)' }");
    let before = ask(&fleet, "t01", SUM);
    for set in [
        "set = { k = 'md5(k)' }",
        "set = { k = \"k || 'x'\" }",
        "set = { k = \"'gone-' || gen_random_uuid()\" }",
        "set = { k = \"''\", seen_at = 'now()' }",
        "set = { k = \"to_char(current_date, 'YYYY')\" }",
        "set = { k = \"''\", seen_at = 'now()' }\nwhere = \"id > 0\"",
    ] {
        rewrite(&fleet, set);
        cleanup(&fleet, &["--days", "60", "--dry-run"])
            .success()
            .says("18,000 rows would be redacted")
            .says("t01: policy `old-notes` would be refused");
        cleanup(&fleet, &["--days", "60"])
            .exits(2)
            .says("policy `old-notes`")
            .says("rows would still be due once they are redacted, and change again in every run")
            .says("hint: nothing of that batch was changed; give the policy a `where`");
        assert_eq!(ask(&fleet, "t01", SUM), before, "{set}");
    }
}

#[test]
fn what_says_of_itself_that_it_is_redacted_is_redacted_once() {
    let fleet = notes("set = { k = \"'x-' || md5(k)\" }\nwhere = \"k NOT LIKE 'x-%'\"");
    let counted = cleanup(&fleet, &["--days", "60", "--dry-run"]).success();
    assert!(!counted.stderr.contains("refused"), "{}", counted.stderr);
    let hashed = "SELECT count(*) FROM notes WHERE k = 'x-' || md5('user' || id % 7)";
    cleanup(&fleet, &["--days", "60"])
        .success()
        .says("18,000 rows redacted");
    assert_eq!(ask(&fleet, "t01", hashed), "18000");
    for set in [
        "set = { k = \"CASE WHEN k LIKE 'x-%' THEN k ELSE 'x-' || md5(k) END\" }",
        "set = { k = \"'x-' || gen_random_uuid()\" }\nwhere = \"k NOT LIKE 'x-%'\"",
    ] {
        rewrite(&fleet, set);
        cleanup(&fleet, &["--days", "60"])
            .success()
            .says("0 rows redacted");
    }
    rewrite(
        &fleet,
        "set = { k = \"'x-' || gen_random_uuid()\", seen_at = 'now()' }\nwhere = 'seen_at IS NULL'",
    );
    for rows in ["18,000", "0"] {
        cleanup(&fleet, &["--days", "60"])
            .success()
            .says(&format!("{rows} rows redacted"));
    }
}

#[test]
fn what_a_trigger_or_the_database_makes_of_a_row_counts_as_redacted() {
    let fleet = notes("set = { k = 'md5(k)' }\nwhere = 'NOT is_gone'");
    fleet.sql(
        "CREATE FUNCTION public.gone() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN NEW.is_gone := true; RETURN NEW; END $$",
    );
    let by_trigger = "ALTER TABLE notes ADD is_gone boolean NOT NULL DEFAULT false; \
                      CREATE TRIGGER gone BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION public.gone()";
    let generated = "DROP TRIGGER gone ON notes; ALTER TABLE notes DROP is_gone; \
                     ALTER TABLE notes ADD is_gone boolean GENERATED ALWAYS AS (length(k) >= 64) STORED";
    for (change, set) in [
        (by_trigger, "set = { k = 'md5(k)' }\nwhere = 'NOT is_gone'"),
        (
            generated,
            "set = { k = \"md5(k) || md5('1')\" }\nwhere = 'NOT is_gone'",
        ),
    ] {
        for schema in ["tenant_template", "tenant_t01"] {
            fleet.sql(&format!("SET search_path = {schema}; {change}"));
        }
        rewrite(&fleet, set);
        for rows in ["18,000", "0"] {
            cleanup(&fleet, &["--days", "60"])
                .success()
                .says(&format!("{rows} rows redacted"));
        }
    }
}

#[test]
fn a_row_that_would_stay_due_keeps_its_batch_from_being_redacted_and_no_other() {
    let fleet = notes("batch_size = 1000\nset = { k = \"CASE WHEN id = 19999 THEN md5(k) ELSE '' END\" }");
    cleanup(&fleet, &["--days", "60"])
        .exits(2)
        .says("rows would still be due once they are redacted");
    let rows = "SELECT count(*) FILTER (WHERE k = '') BETWEEN 1 AND 17999, \
                count(*) FILTER (WHERE k NOT IN ('', 'user' || id % 7)) FROM notes";
    assert_eq!(ask(&fleet, "t01", rows), "t|0");
}

#[test]
fn a_value_that_is_a_list_is_not_one_expression() {
    let fleet = notes("set = { k = \"NULL, at = now()\" }");
    let before = ask(&fleet, "t01", SUM);
    cleanup(&fleet, &["--days", "60"])
        .exits(2)
        .says("policy `old-notes`: its `k` is not one expression");
    assert_eq!(ask(&fleet, "t01", SUM), before);
    rewrite(
        &fleet,
        "set = { k = \"coalesce((ARRAY['', k])[1], k)\" }\nwhere = \"k IN ('user1', 'user2')\"",
    );
    cleanup(&fleet, &["--days", "60"]).success();
}
