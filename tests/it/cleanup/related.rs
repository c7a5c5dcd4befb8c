//! Rows that refer to rows that go.

use super::actions::files;
use super::{ask, cleanup, each, fleet, policy};
use crate::support::{Run, archived_rows, psql, wait_until};

const FAMILY: &str = "CREATE TABLE parents (id int PRIMARY KEY, at timestamptz); \
    CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE); \
    CREATE INDEX ON children (parent); \
    CREATE TABLE toys (id int PRIMARY KEY, child int REFERENCES children ON DELETE CASCADE); \
    CREATE INDEX ON toys (child); \
    CREATE TABLE letters (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE SET NULL); \
    CREATE INDEX ON letters (parent)";

#[test]
fn children_go_with_their_parents_and_mere_references_are_emptied() {
    let fleet = fleet(FAMILY, 1, &policy("parents", "at", ""));
    each(
        &fleet,
        "INSERT INTO parents SELECT n, now() - n * interval '1 day' FROM generate_series(1, 100) n; \
         INSERT INTO children SELECT n, n % 100 + 1 FROM generate_series(1, 1000) n; \
         INSERT INTO toys SELECT n, n % 1000 + 1 FROM generate_series(1, 5000) n; \
         INSERT INTO letters SELECT n, n FROM generate_series(1, 100) n",
    );
    let json = cleanup(&fleet, &["--days", "59", "--dry-run", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["rows"], 42 + 420 + 2100);
    let json = cleanup(&fleet, &["--days", "59", "-o", "json"]).success().json();
    let along = &json["tenants"][0]["policies"][0]["along"];
    assert_eq!(
        (&along[0]["table"], &along[0]["rows"]),
        (&"children".into(), &420.into())
    );
    assert_eq!(
        (&along[1]["table"], &along[1]["rows"]),
        (&"toys".into(), &2100.into())
    );
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT (SELECT count(*) FROM parents), (SELECT count(*) FROM children), (SELECT count(*) FROM toys), \
             (SELECT count(parent) FROM letters), (SELECT count(*) FROM letters)"
        ),
        "58|580|2900|58|100"
    );
}

#[test]
fn a_parent_of_very_many_goes_after_them_in_several_transactions() {
    let policies = policy("parents", "at", "batch_size = 500\nmax_fraction = 1");
    let fleet = fleet(FAMILY, 1, &policies);
    each(
        &fleet,
        "INSERT INTO parents VALUES (1, '2020-01-01'), (2, '2020-01-01'), (3, now()); \
         INSERT INTO children SELECT n, CASE WHEN n <= 4000 THEN 1 ELSE 3 END FROM generate_series(1, 5000) n; \
         INSERT INTO toys SELECT n, n FROM generate_series(1, 5000) n; \
         CREATE TABLE most (rows bigint); \
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO most SELECT count(*) FROM gone; RETURN NULL; END $$; \
         CREATE TRIGGER note AFTER DELETE ON toys REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note()",
    );
    let json = cleanup(&fleet, &["--days", "59", "-o", "json"]).success().json();
    assert_eq!(json["rows"], 2 + 4000 + 4000);
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT (SELECT count(*) FROM parents), (SELECT count(*) FROM children), (SELECT count(*) FROM toys), \
             (SELECT max(rows) <= 500 FROM most)"
        ),
        "1|1000|1000|t"
    );
}

#[test]
fn rows_that_others_must_not_lose_are_kept_and_reported() {
    let tables = "CREATE TABLE orders (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE lines (id int PRIMARY KEY, \"order\" int REFERENCES orders ON DELETE CASCADE); \
                  CREATE TABLE bills (id int PRIMARY KEY, line int REFERENCES lines ON DELETE RESTRICT)";
    let fleet = fleet(tables, 1, &policy("orders", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO orders SELECT n, '2020-01-01' FROM generate_series(1, 100) n; \
         INSERT INTO lines SELECT n, n FROM generate_series(1, 100) n; \
         INSERT INTO bills SELECT n, n * 10 FROM generate_series(1, 10) n",
    );
    let json = cleanup(&fleet, &["--days", "1", "--dry-run", "-o", "json"])
        .success()
        .json();
    assert_eq!(
        (&json["rows"], &json["tenants"][0]["policies"][0]["kept"]),
        (&180.into(), &10.into())
    );
    let json = cleanup(&fleet, &["--days", "1", "-o", "json"]).success().json();
    assert_eq!(
        (&json["rows"], &json["tenants"][0]["policies"][0]["kept"]),
        (&180.into(), &10.into())
    );
    cleanup(&fleet, &["--days", "1"])
        .success()
        .says("10 due rows were kept: others refer to them");
}

#[test]
fn references_from_outside_the_schema_keep_a_row_too() {
    let fleet = fleet(
        "CREATE TABLE things (id int PRIMARY KEY, at timestamptz)",
        1,
        &policy("things", "at", "max_fraction = 1"),
    );
    each(
        &fleet,
        "INSERT INTO things SELECT n, '2020-01-01' FROM generate_series(1, 1000) n",
    );
    fleet.sql("CREATE TABLE public.owned (id int REFERENCES tenant_t01.things); INSERT INTO public.owned VALUES (500)");
    cleanup(&fleet, &["--days", "1"])
        .success()
        .says("1 due row was kept");
    assert_eq!(ask(&fleet, "t01", "SELECT id FROM things"), "500");
}

#[test]
fn circles_come_to_an_end() {
    let tables = "CREATE TABLE notes (id int PRIMARY KEY, above int REFERENCES notes, at timestamptz); \
                  CREATE INDEX ON notes (above); \
                  CREATE TABLE replies (id int PRIMARY KEY, above int REFERENCES replies ON DELETE CASCADE, at timestamptz); \
                  CREATE INDEX ON replies (above); \
                  CREATE TABLE a (id int PRIMARY KEY, b int, at timestamptz); \
                  CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE); \
                  ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON DELETE CASCADE";
    let policies = ["notes", "replies", "a"]
        .map(|table| policy(table, "at", "max_fraction = 1"))
        .concat();
    let fleet = fleet(tables, 1, &policies);
    each(
        &fleet,
        "INSERT INTO notes SELECT n, nullif(n - 1, 0), '2020-01-01' FROM generate_series(1, 20) n; \
         INSERT INTO replies SELECT n, nullif(n - 1, 0), '2020-01-01' FROM generate_series(1, 20) n; \
         INSERT INTO a SELECT n, NULL, '2020-01-01' FROM generate_series(1, 20) n; \
         INSERT INTO b SELECT n, n FROM generate_series(1, 20) n; UPDATE a SET b = 21 - id",
    );
    cleanup(&fleet, &["--days", "1"]).success();
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT (SELECT count(*) FROM notes), (SELECT count(*) FROM replies), (SELECT count(*) FROM a), \
             (SELECT count(*) FROM b)"
        ),
        "0|0|0|0"
    );
}

#[test]
fn references_that_the_database_alone_follows_keep_a_row_and_are_reported() {
    let tables = "CREATE TABLE replies (id int PRIMARY KEY, above int REFERENCES replies ON DELETE CASCADE, at timestamptz); \
                  CREATE TABLE bills (id int PRIMARY KEY, reply int REFERENCES replies)";
    let fleet = fleet(tables, 1, &policy("replies", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO replies VALUES (1, NULL, '2020-01-01'), (2, 1, now()), (3, NULL, '2020-01-01'); \
         INSERT INTO bills VALUES (1, 2)",
    );
    let run = cleanup(&fleet, &["--days", "1"]).success();
    assert!(run.stderr.contains("1 row removed"), "{}", run.stderr);
    run.says("1 due row was kept: others refer to it");
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM replies"), "2");
}

#[test]
fn tables_may_be_called_whatever_and_share_the_names_of_columns() {
    let tables = "CREATE TABLE m (id int PRIMARY KEY, at timestamptz, done boolean); \
                  CREATE TABLE p0 (id int PRIMARY KEY, m int REFERENCES m ON DELETE CASCADE, at timestamptz, done boolean); \
                  CREATE TABLE p1 (id int PRIMARY KEY, p0 int REFERENCES p0 ON DELETE CASCADE, done boolean); \
                  CREATE INDEX ON p0 (m); CREATE INDEX ON p1 (p0); \
                  CREATE TABLE b0 (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE b1 (id int PRIMARY KEY, b0 int REFERENCES b0)";
    let policies = ["m", "p0"]
        .map(|table| policy(table, "at", "where = 'done'\nbatch_size = 5\nmax_fraction = 1"))
        .concat()
        + &policy("b0", "at", "max_fraction = 1");
    let fleet = fleet(tables, 1, &policies);
    each(
        &fleet,
        "INSERT INTO m VALUES (1, '2020-01-01', true), (2, '2020-01-01', false); \
         INSERT INTO p0 SELECT n, 1 + n % 2, NULL, n % 3 = 0 FROM generate_series(1, 40) n; \
         INSERT INTO p0 VALUES (50, NULL, '2020-01-01', true), (51, NULL, '2020-01-01', false); \
         INSERT INTO p1 SELECT n, n, false FROM generate_series(1, 40) n; \
         INSERT INTO p1 SELECT 100 + n, 50 + n % 2, false FROM generate_series(1, 40) n; \
         INSERT INTO b0 SELECT n, '2020-01-01' FROM generate_series(1, 10) n; INSERT INTO b1 VALUES (7, 1), (8, 2)",
    );
    let counted = cleanup(&fleet, &["--days", "1", "--dry-run", "-o", "json"])
        .success()
        .json();
    let json = cleanup(&fleet, &["--days", "1", "-o", "json"]).success().json();
    for json in [&counted, &json] {
        assert_eq!(json["rows"], (1 + 20 + 20) + (1 + 20) + 8, "{json}");
    }
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT (SELECT count(*) FROM m), (SELECT count(*) FROM p0), (SELECT count(*) FROM p1), (SELECT count(*) FROM b0)"
        ),
        "1|21|40|2"
    );
}

#[test]
fn a_parent_goes_in_the_run_in_which_its_last_child_goes() {
    let tables = "CREATE TABLE parents (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE children (parent int REFERENCES parents, at timestamptz)";
    let fleet = fleet(
        tables,
        1,
        &(policy("parents", "at", "") + &policy("children", "at", "")),
    );
    each(
        &fleet,
        "INSERT INTO parents SELECT n, '2020-01-01' FROM generate_series(1, 10) n; \
         INSERT INTO children SELECT n, '2020-01-01' FROM generate_series(1, 10) n; \
         INSERT INTO children VALUES (7, now())",
    );
    cleanup(&fleet, &["--days", "10"]).success();
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT (SELECT string_agg(id::text, ' ') FROM parents), (SELECT count(*) FROM children)"
        ),
        "7|1"
    );
}

#[test]
fn rows_that_go_along_themselves_keep_nobody() {
    let tables = "CREATE TABLE firms (id int PRIMARY KEY, at timestamptz); \
                  CREATE TABLE plans (id int PRIMARY KEY, firm int REFERENCES firms ON DELETE CASCADE); \
                  CREATE TABLE steps (id int PRIMARY KEY, plan int REFERENCES plans ON DELETE CASCADE); \
                  CREATE TABLE sales (id int PRIMARY KEY, firm int REFERENCES firms ON DELETE CASCADE, \
                                      plan int REFERENCES plans); \
                  CREATE TABLE calls (id int PRIMARY KEY, sale int REFERENCES sales ON DELETE CASCADE, \
                                      step int REFERENCES steps); \
                  CREATE TABLE pins (firm int REFERENCES firms ON DELETE CASCADE, \
                                     plan int REFERENCES plans ON DELETE RESTRICT)";
    let fleet = fleet(tables, 1, &policy("firms", "at", ""));
    // Each firm with a plan, a step of it, a sale by it and a call of that; and then one thing that differs.
    each(
        &fleet,
        "INSERT INTO firms SELECT n, CASE WHEN n < 9 THEN timestamptz '2020-01-01' ELSE now() END \
         FROM generate_series(1, 9) n; \
         INSERT INTO plans SELECT id, id FROM firms; \
         INSERT INTO steps SELECT id, id FROM firms; \
         INSERT INTO sales SELECT id, id, id FROM firms; \
         INSERT INTO calls SELECT id, id, id FROM firms; \
         INSERT INTO sales VALUES (23, 9, 3), (24, NULL, 4), (26, 6, NULL); \
         INSERT INTO calls VALUES (25, 9, 5), (27, 26, 6); \
         INSERT INTO pins VALUES (7, 7)",
    );
    let counted = cleanup(&fleet, &["--days", "10", "--dry-run", "-o", "json"])
        .success()
        .json();
    let json = cleanup(&fleet, &["--days", "10", "-o", "json"]).success().json();
    for json in [&counted, &json] {
        let taken = &json["tenants"][0]["policies"][0];
        // Four firms with four rows each, and what else one of them has.
        assert_eq!(
            (&taken["rows"], &taken["kept"]),
            (&22.into(), &4.into()),
            "{json}"
        );
    }
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT string_agg(id::text, ' ' ORDER BY id), (SELECT count(*) FROM calls) FROM firms"
        ),
        "3 4 5 7 9|6"
    );
}

#[test]
fn what_is_added_to_a_row_while_it_is_archived_is_archived_or_refused() {
    let fleet = fleet(
        "CREATE TABLE users (id int PRIMARY KEY, seen_at timestamptz NOT NULL); \
         CREATE TABLE notes (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users ON DELETE CASCADE); \
         CREATE TABLE replies (id serial PRIMARY KEY, note_id int NOT NULL REFERENCES notes ON DELETE CASCADE)",
        1,
        &policy(
            "users",
            "seen_at",
            "action = 'archive'\nmax_fraction = 1\nwhere = \"pg_sleep(0.3) IS NOT NULL\"",
        ),
    );
    each(&fleet, "INSERT INTO users VALUES (1, now() - interval '90 days')");
    let url = fleet.database.url().to_owned();
    let adding = std::thread::spawn(move || {
        const ADD: &str = "WITH note AS (INSERT INTO tenant_t01.notes (user_id) VALUES (1) RETURNING id), \
                           other AS (SELECT max(id) AS id FROM tenant_t01.notes) \
                           INSERT INTO tenant_t01.replies (note_id) SELECT id FROM note UNION ALL \
                           SELECT id FROM other WHERE id IS NOT NULL";
        let mut added = (0, 0);
        loop {
            match psql(&url, ADD) {
                Ok(_) => added = (added.0 + 1, added.1 + if added.0 == 0 { 1 } else { 2 }),
                Err(error) if error.contains("foreign key") => return added,
                Err(error) => panic!("{error}"),
            }
        }
    });
    // A row that is locked whenever it is looked for is left for another run.
    wait_until("the row is gone", || {
        cleanup(&fleet, &["--days", "60"]).success();
        ask(&fleet, "t01", "SELECT count(*) FROM users") == "0"
    });
    let (notes, replies) = adding.join().expect("it ends");
    let archived = |table: &str| -> usize {
        files(&fleet, "t01")
            .iter()
            .filter(|file| file.to_string_lossy().contains(&format!("/{table}-")))
            .map(|file| archived_rows(file).len())
            .sum()
    };
    assert!(notes > 0);
    assert_eq!((archived("notes"), archived("replies")), (notes, replies));
}

#[test]
fn what_hangs_on_a_row_that_is_not_due_any_more_stays() {
    let fleet = fleet(
        "CREATE TABLE users (id int PRIMARY KEY, seen_at timestamptz NOT NULL); \
         CREATE TABLE notes (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users ON DELETE CASCADE); \
         CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END $$; \
         CREATE TRIGGER slowly BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION slowly()",
        1,
        &policy("users", "seen_at", "batch_size = 10\nmax_fraction = 1"),
    );
    each(
        &fleet,
        "INSERT INTO users VALUES (1, now() - interval '90 days'); \
         INSERT INTO notes (user_id) SELECT 1 FROM generate_series(1, 60)",
    );
    let child = fleet
        .program()
        .spawn(&["cleanup", "--all", "--days", "60", "--yes"]);
    wait_until("some notes are gone", || {
        ask(&fleet, "t01", "SELECT count(*) FROM notes") != "60"
    });
    fleet.sql("UPDATE tenant_t01.users SET seen_at = now()");
    let left = ask(&fleet, "t01", "SELECT count(*) FROM notes");
    Run::of(child).success();
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM notes"), left);
}
