//! What goes is what a plain `DELETE` would take: triggers, rules, heirs and keys have their say.

use super::actions::files;
use super::{ask, cleanup, each, fleet, policy};
use crate::support::archived_rows;

/// A function for triggers that keeps rows of that text.
const KEEPER: &str = "CREATE FUNCTION keeper() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN IF OLD.what = 'keep' THEN RETURN NULL; END IF; RETURN OLD; END $$";

const ARCHIVE: &str = "action = 'archive'\nmax_fraction = 1";

#[test]
fn what_hangs_on_a_row_that_a_trigger_keeps_is_kept_with_it() {
    let tables = format!(
        "CREATE TABLE notes (id int PRIMARY KEY, what text, at timestamptz); \
         CREATE TABLE files (id int PRIMARY KEY, note int REFERENCES notes ON DELETE CASCADE); \
         {KEEPER}; CREATE TRIGGER keeper BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION keeper()"
    );
    for more in ["max_fraction = 1", "max_fraction = 1\nbatch_size = 2", ARCHIVE] {
        let fleet = fleet(&tables, 1, &policy("notes", "at", more));
        each(
            &fleet,
            "INSERT INTO notes SELECT n, CASE n WHEN 2 THEN 'keep' ELSE 'go' END, now() - interval '1 year' \
             FROM generate_series(1, 3) n; \
             INSERT INTO files SELECT n, n % 3 + 1 FROM generate_series(1, 30) n",
        );
        cleanup(&fleet, &["--days", "10", "--yes"]).success();
        let left = "SELECT (SELECT string_agg(id::text, ',') FROM notes), (SELECT count(*) FROM files), \
                    (SELECT count(*) FROM files WHERE note <> 2)";
        assert_eq!(ask(&fleet, "t01", left), "2|10|0", "{more}");
        let archived: usize = files(&fleet, "t01")
            .iter()
            .map(|file| archived_rows(file).len())
            .sum();
        assert_eq!(archived, if more == ARCHIVE { 22 } else { 0 });
    }
}

#[test]
fn what_hangs_on_a_row_that_a_rule_keeps_is_kept_with_it() {
    let tables = "CREATE TABLE notes (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE files (id int PRIMARY KEY, note int REFERENCES notes ON DELETE CASCADE); \
                  CREATE RULE keeper AS ON DELETE TO notes WHERE OLD.id = 1 DO INSTEAD NOTHING";
    let fleet = fleet(tables, 1, &policy("notes", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO notes SELECT n, now() - interval '1 year' FROM generate_series(1, 2) n; \
         INSERT INTO files SELECT n, n FROM generate_series(1, 2) n",
    );
    fleet.run(&["cleanup", "--days", "10", "--yes"]);
    let left =
        "SELECT (SELECT count(*) FROM notes WHERE id = 1), (SELECT count(*) FROM files WHERE note = 1)";
    assert_eq!(ask(&fleet, "t01", left), "1|1");
}

#[test]
fn a_partition_whose_rows_a_trigger_watches_goes_row_by_row() {
    let tables = format!(
        "CREATE TABLE events (what text, at timestamptz) PARTITION BY RANGE (at); \
         CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01'); \
         CREATE TABLE seen (what text); {KEEPER}; \
         CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO seen VALUES (OLD.what); RETURN NULL; END $$; \
         CREATE TRIGGER keeper BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION keeper(); \
         CREATE TRIGGER told AFTER DELETE ON events FOR EACH ROW EXECUTE FUNCTION told()"
    );
    let fleet = fleet(&tables, 1, &policy("events", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO events VALUES ('keep', '2020-05-05'), ('go', '2020-05-06')",
    );
    cleanup(&fleet, &["--days", "10", "--yes"]).success();
    let left = "SELECT (SELECT string_agg(what, ',') FROM events), (SELECT string_agg(what, ',') FROM seen)";
    assert_eq!(ask(&fleet, "t01", left), "keep|go");
}

#[test]
fn heirs_of_a_table_that_refers_to_rows_are_not_bound_to_them() {
    let tables = "CREATE TABLE parents (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE children (id int, parent int REFERENCES parents ON DELETE CASCADE); \
                  CREATE TABLE child_heirs () INHERITS (children); \
                  CREATE TABLE others (id int, parent int REFERENCES parents); \
                  CREATE TABLE other_heirs () INHERITS (others)";
    for more in ["max_fraction = 1", "max_fraction = 1\nbatch_size = 1", ARCHIVE] {
        let fleet = fleet(tables, 1, &policy("parents", "at", more));
        each(
            &fleet,
            "INSERT INTO parents VALUES (1, now() - interval '1 year'); \
             INSERT INTO children SELECT n, 1 FROM generate_series(1, 20) n; \
             INSERT INTO child_heirs VALUES (100, 1); INSERT INTO other_heirs VALUES (100, 1)",
        );
        let json = cleanup(&fleet, &["--days", "10", "--dry-run", "-o", "json"])
            .success()
            .json();
        assert_eq!(json["rows"], 21, "{more}");
        let json = cleanup(&fleet, &["--days", "10", "--yes", "-o", "json"])
            .success()
            .json();
        assert_eq!(json["rows"], 21, "{more}");
        let left = "SELECT (SELECT count(*) FROM parents), (SELECT count(*) FROM ONLY children), \
                    (SELECT count(*) FROM child_heirs), (SELECT count(*) FROM other_heirs)";
        assert_eq!(ask(&fleet, "t01", left), "0|0|1|1", "{more}");
    }
}

#[test]
fn keys_compare_as_their_types_and_collations_do() {
    let tables = "CREATE SCHEMA IF NOT EXISTS beside; CREATE EXTENSION IF NOT EXISTS citext SCHEMA beside; \
                  CREATE TABLE parents (name beside.citext PRIMARY KEY, at timestamptz); \
                  CREATE TABLE children (id int, name beside.citext REFERENCES parents ON DELETE CASCADE); \
                  CREATE TABLE plain (name text COLLATE \"C\" PRIMARY KEY, at timestamptz); \
                  CREATE TABLE plain_children (id int, name text COLLATE \"POSIX\" REFERENCES plain ON DELETE CASCADE)";
    let policies = policy("parents", "at", ARCHIVE) + &policy("plain", "at", ARCHIVE);
    let database = crate::support::Database::empty();
    database.sql("CREATE SCHEMA beside; CREATE EXTENSION citext SCHEMA beside");
    let tables = tables.split_once("citext SCHEMA beside; ").expect("tables").1;
    let fleet = super::filled(crate::support::Fleet::begun(database), tables, 1, &policies);
    each(
        &fleet,
        "INSERT INTO parents VALUES ('A', now() - interval '1 year'); \
         INSERT INTO children VALUES (1, 'a'), (2, 'A'); \
         INSERT INTO plain VALUES ('a', now() - interval '1 year'); \
         INSERT INTO plain_children VALUES (1, 'a')",
    );
    let json = cleanup(&fleet, &["--days", "10", "--yes", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["rows"], 5);
    let archived: usize = files(&fleet, "t01")
        .iter()
        .map(|file| archived_rows(file).len())
        .sum();
    assert_eq!(archived, 5);
}

#[test]
fn a_row_that_a_key_keeps_at_the_end_of_its_transaction_stays_and_others_go_into_the_archive() {
    let tables = "CREATE TABLE parents (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED); \
                  CREATE FUNCTION refers() RETURNS trigger LANGUAGE plpgsql AS \
                      $$ BEGIN IF OLD.id = 1 THEN INSERT INTO children VALUES (1); END IF; RETURN NULL; END $$; \
                  CREATE TRIGGER refers AFTER DELETE ON parents FOR EACH ROW EXECUTE FUNCTION refers()";
    let fleet = fleet(tables, 1, &policy("parents", "at", ARCHIVE));
    each(
        &fleet,
        "INSERT INTO parents SELECT n, now() - interval '1 year' FROM generate_series(1, 5) n",
    );
    let run = cleanup(&fleet, &["--days", "10", "--yes"]).success();
    assert!(run.stderr.contains("4 rows removed"), "{}", run.stderr);
    assert_eq!(
        ask(&fleet, "t01", "SELECT string_agg(id::text, ',') FROM parents"),
        "1"
    );
    let archived: usize = files(&fleet, "t01")
        .iter()
        .map(|file| archived_rows(file).len())
        .sum();
    assert_eq!(archived, 4);
}

#[test]
fn what_one_policy_archives_is_archived_before_another_deletes_it() {
    let policies = policy("logs", "at", "max_fraction = 1")
        + &policy(
            "logs",
            "at",
            "where = 'done'\naction = 'archive'\nmax_fraction = 1",
        )
        .replace("old-logs", "done-logs");
    let fleet = fleet(super::LOGS, 1, &policies);
    each(
        &fleet,
        "INSERT INTO logs (id, at, done) SELECT n, now() - interval '1 year', n <= 3 FROM generate_series(1, 10) n",
    );
    cleanup(&fleet, &["--days", "10", "--yes"]).success();
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "0");
    let archived: usize = files(&fleet, "t01")
        .iter()
        .map(|file| archived_rows(file).len())
        .sum();
    assert_eq!(archived, 3);
}

#[test]
fn rows_of_heirs_take_along_nothing_that_refers_to_the_table_and_are_kept_by_nothing() {
    let tables = "CREATE TABLE parents (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE heirs () INHERITS (parents); \
                  CREATE TABLE children (parent int REFERENCES parents ON DELETE CASCADE); \
                  CREATE TABLE keepers (parent int REFERENCES parents)";
    for more in ["max_fraction = 1", ARCHIVE] {
        let fleet = fleet(tables, 1, &policy("parents", "at", more));
        each(
            &fleet,
            "INSERT INTO parents SELECT n, now() FROM generate_series(1, 2) n; \
             INSERT INTO heirs SELECT n, now() - interval '1 year' FROM generate_series(1, 2) n; \
             INSERT INTO children VALUES (1); INSERT INTO keepers VALUES (2)",
        );
        for mode in ["--dry-run", "--yes"] {
            let json = cleanup(&fleet, &["--days", "10", mode, "-o", "json"])
                .success()
                .json();
            assert_eq!(json["rows"], 2, "{more} {mode}");
        }
        let left = "SELECT (SELECT count(*) FROM parents), (SELECT count(*) FROM ONLY parents), \
                    (SELECT count(*) FROM children), (SELECT count(*) FROM keepers)";
        assert_eq!(ask(&fleet, "t01", left), "2|2|1|1", "{more}");
    }
}

#[test]
fn rows_that_a_trigger_keeps_are_not_said_to_be_held_by_somebody() {
    let tables = format!(
        "CREATE TABLE notes (id int, what text, at timestamptz); \
         {KEEPER}; CREATE TRIGGER keeper BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION keeper()"
    );
    let fleet = fleet(&tables, 1, &policy("notes", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO notes VALUES (1, 'keep', now() - interval '1 year'), (2, 'go', now() - interval '1 year')",
    );
    cleanup(&fleet, &["--days", "10", "--yes"])
        .success()
        .says("1 due row was left: somebody held it, or a trigger or rule kept it");
}

#[test]
fn rows_that_go_along_from_another_schema_are_told_apart_by_it() {
    let tables = "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE public.logs (log int)";
    let fleet = fleet(tables, 1, &policy("logs", "at", "max_fraction = 1"));
    each(
        &fleet,
        "ALTER TABLE public.logs ADD FOREIGN KEY (log) REFERENCES logs ON DELETE CASCADE; \
         INSERT INTO logs VALUES (1, now() - interval '1 year'); INSERT INTO public.logs VALUES (1), (1)",
    );
    let json = cleanup(&fleet, &["--days", "10", "--yes", "-o", "json"])
        .success()
        .json();
    assert_eq!(
        json["tenants"][0]["policies"][0]["along"],
        serde_json::json!([{ "table": "public.logs", "rows": 2, "bytes": 64 }])
    );
}

#[test]
fn a_trigger_may_delete_what_hangs_on_a_row_itself() {
    let tables = "CREATE TABLE notes (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE files (id int PRIMARY KEY, note int REFERENCES notes ON DELETE CASCADE); \
                  CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS \
                      $$ BEGIN DELETE FROM files WHERE note = OLD.id; RETURN OLD; END $$; \
                  CREATE TRIGGER tidy BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION tidy()";
    let fleet = fleet(tables, 1, &policy("notes", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO notes SELECT n, now() - interval '1 year' FROM generate_series(1, 3) n; \
         INSERT INTO files SELECT n, n % 3 + 1 FROM generate_series(1, 30) n",
    );
    cleanup(&fleet, &["--days", "10", "--yes"]).success();
    let left = "SELECT (SELECT count(*) FROM notes), (SELECT count(*) FROM files)";
    assert_eq!(ask(&fleet, "t01", left), "0|0");
}
