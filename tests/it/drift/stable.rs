//! Texts that PostgreSQL changes once they have been read back are no drift.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{in_schema, listed, mended, psql};
use crate::support::{Database, Holder, configured};

/// Makes the template anew with this SQL.
pub(super) fn with_template(sql: &str) -> Database {
    let database = Database::new();
    database.sql("DROP SCHEMA tenant_template CASCADE; CREATE SCHEMA tenant_template");
    in_schema(&database, "tenant_template", sql);
    database
}

fn fingerprints(database: &Database) -> String {
    database.sql("SELECT count(DISTINCT schema_fingerprint), count(*) FROM tenants")
}

const FIRST: &str = "CREATE TABLE users (id int PRIMARY KEY, role varchar(20) DEFAULT 'member' \
                     CHECK (role IN ('owner', 'it''s')), code char(1) CHECK (code IN ('a', 'b')))";
const SECOND: &str = "ALTER TABLE users ADD COLUMN state varchar, ADD CHECK (state NOT IN ('off', 'on') OR state = 'x'); \
                      CREATE INDEX users_state_idx ON users (id) WHERE state IN ('off', 'on'); \
                      ALTER TABLE users ADD CHECK (state IN ('\\', NULL)); \
                      CREATE VIEW unions AS SELECT id, NULL::integer AS n FROM users UNION SELECT id, NULL FROM users; \
                      CREATE VIEW years AS SELECT EXTRACT(YEAR FROM now()) AS year; \
                      CREATE VIEW owners AS SELECT * FROM users WHERE role IN ('owner') OR role IN ('it''s', 'b')";

#[test]
fn clones_of_clones_and_migrated_tenants_have_one_fingerprint() {
    let database = with_template(FIRST);
    database.run(&["create", "--quiet", "stepwise"]).success();
    for schema in ["tenant_template", "tenant_stepwise"] {
        in_schema(&database, schema, SECOND);
    }
    database.run(&["create", "--quiet", "first"]).success();
    // The next is a clone of that clone.
    database.sql(
        "ALTER SCHEMA tenant_template RENAME TO aside; ALTER SCHEMA tenant_first RENAME TO tenant_template",
    );
    database.run(&["create", "--quiet", "second"]).success();
    database.sql(
        "ALTER SCHEMA tenant_template RENAME TO tenant_first; ALTER SCHEMA aside RENAME TO tenant_template",
    );
    database
        .run(&["drift", "--all"])
        .success()
        .says("no drift: compared 3 tenants");
    assert_eq!(fingerprints(&database), "1|3");
}

#[test]
fn forms_that_nobody_foresaw_are_settled_by_replay() {
    let database = with_template(
        r"CREATE TABLE users (id int PRIMARY KEY, role varchar(20), sep varchar, at timestamptz,
              CONSTRAINT a CHECK (role IN ('a', NULL)), CONSTRAINT b CHECK (sep IN ('\', E'\t')), CONSTRAINT c CHECK (id > 0));
          CREATE VIEW unions AS SELECT id, NULL::integer AS n FROM users UNION SELECT id, NULL FROM users;
          CREATE VIEW years AS SELECT EXTRACT(YEAR FROM at) AS year FROM users",
    );
    database.run(&["create", "--quiet", "acme", "globex"]).success();
    let clones = psql(
        database.url(),
        "SELECT count(DISTINCT pg_get_constraintdef(oid)) FROM pg_constraint WHERE conname = 'a'",
    );
    assert_eq!(
        clones.as_deref(),
        Ok("2"),
        "the form is one that PostgreSQL changes"
    );
    database.run(&["drift", "--all"]).success();
    in_schema(
        &database,
        "tenant_acme",
        "ALTER TABLE users DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (id > 1)",
    );
    let json = database
        .run(&["drift", "--all", "--sql", "-o", "json"])
        .exits(4)
        .json();
    assert_eq!(listed(&json, "acme"), ["different check c ON users"]);
    assert_eq!(listed(&json, "globex"), [""; 0]);
    let sql = json["tenants"][0]["sql"].as_str().expect("statements");
    assert!(!sql.contains("CONSTRAINT a"), "{sql}");
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%scratch%'"),
        "0"
    );
}

#[test]
fn the_order_of_columns_and_rows_are_no_drift() {
    let database = with_template("CREATE TABLE a (one int, two text)");
    database.run(&["create", "--quiet", "acme"]).success();
    in_schema(
        &database,
        "tenant_acme",
        "ALTER TABLE a DROP COLUMN one; ALTER TABLE a ADD COLUMN one int; \
        INSERT INTO a VALUES ('x', 1)",
    );
    database.run(&["drift", "acme"]).success();
}

#[test]
fn a_tenant_that_changes_meanwhile_lends_its_differences_to_nobody() {
    let database = with_template("CREATE TABLE users (id int PRIMARY KEY)");
    database.run(&["create", "--quiet", "a", "b", "c"]).success();
    for slug in ["a", "b", "c"] {
        in_schema(
            &database,
            &format!("tenant_{slug}"),
            "CREATE TABLE extra (id int)",
        );
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in (0..100).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                database.sql(
                    "DO $$ BEGIN FOR n IN 1..20 LOOP \
                         DROP TABLE tenant_a.extra; CREATE TABLE tenant_a.other (id int); COMMIT; PERFORM pg_sleep(0.02); \
                         DROP TABLE tenant_a.other; CREATE TABLE tenant_a.extra (id int); COMMIT; PERFORM pg_sleep(0.02); \
                     END LOOP; END $$",
                );
            }
        });
        for _ in 0..8 {
            let run = database.run(&["drift", "--all", "-o", "json"]);
            for slug in ["b", "c"] {
                assert_eq!(listed(&run.json(), slug), ["extra table extra"], "{}", run.stderr);
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_could_not_be_tried_is_no_drift() {
    let database = with_template(
        "CREATE TABLE public.plans (id int PRIMARY KEY); \
         CREATE TABLE users (role varchar(20), plan int REFERENCES public.plans, CONSTRAINT a CHECK (role IN ('a', NULL)))",
    );
    database.run(&["create", "--quiet", "acme"]).success();
    in_schema(
        &database,
        "tenant_acme",
        "ALTER TABLE users DROP CONSTRAINT a, ADD CONSTRAINT a CHECK (role IN ('b', NULL))",
    );
    let folder = configured("[tenants]\nlock_timeout = '100ms'\n[fleet]\nretries = 0\n");
    let drift = || database.program().folder(folder.path()).run(&["drift", "--all"]);
    let holder = Holder::of(&database, "LOCK TABLE public.plans");
    drift().exits(1).says("lock timeout");
    holder.commit();
    drift().exits(4);
}

#[test]
fn extended_statistics_are_the_same_whatever_the_order_of_the_columns() {
    let database = with_template(
        "CREATE TABLE m (n int, t text, at date); CREATE STATISTICS st (ndistinct) ON t, n FROM m; \
         CREATE STATISTICS other (ndistinct) ON n, at FROM m",
    );
    database.run(&["create", "--quiet", "acme", "globex"]).success();
    let again = "ALTER TABLE m DROP COLUMN n CASCADE, ADD COLUMN n int; \
                 CREATE STATISTICS st (ndistinct) ON n, t FROM m;";
    for (slug, columns) in [("acme", "n, at"), ("globex", "n, at, t")] {
        let other = format!("{again} CREATE STATISTICS other (ndistinct) ON {columns} FROM m");
        in_schema(&database, &format!("tenant_{slug}"), &other);
    }
    let json = database.run(&["drift", "--all", "-o", "json"]).exits(4).json();
    assert_eq!(listed(&json, "acme"), [""; 0]);
    assert_eq!(listed(&json, "globex"), ["different extended statistics other"]);
    assert_eq!(mended(&database, &["globex"], &[]), [""; 0]);
}
