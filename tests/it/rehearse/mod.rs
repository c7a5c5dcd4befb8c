//! `migrate --rehearse`: what it reports, and that nothing is left of it.

mod leftovers;
mod outside;

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Database, Judge, Run, configured};

/// What tenants are made from.
const FIRST: &str = "CREATE TABLE users (id int PRIMARY KEY, name text); \
                     CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, amount int); \
                     CREATE INDEX orders_amount ON orders (amount); \
                     CREATE TABLE kinds (kind text PRIMARY KEY)";

/// Tenants that have `FIRST`, and a folder with that and more.
pub(super) struct Fleet {
    pub(super) database: Database,
    folder: TempDir,
}

impl Fleet {
    pub(super) fn new(slugs: &[&str], pending: &[&str]) -> Self {
        Self::of(Database::empty(), FIRST, slugs, pending)
    }

    pub(super) fn of(database: Database, first: &str, slugs: &[&str], pending: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fleet = Self { database, folder };
        fleet.write(1, first);
        let path = fleet.path();
        fleet
            .database
            .run(&["init", "--quiet", "--template-migrations", &path])
            .success();
        fleet
            .database
            .run(&[&["create", "--quiet"], slugs].concat())
            .success();
        for (version, sql) in (2..).zip(pending) {
            fleet.write(version, sql);
        }
        fleet
    }

    fn write(&self, version: usize, sql: &str) {
        let file = self.folder.path().join(format!("V{version}__step{version}.sql"));
        fs::write(file, sql).expect("written");
    }

    fn path(&self) -> String {
        self.folder.path().to_str().expect("UTF-8").to_owned()
    }

    pub(super) fn arguments(&self, more: &[&str]) -> Vec<String> {
        let path = self.path();
        let fixed = ["migrate", "--migrations", &path];
        fixed.iter().chain(more).map(|part| (*part).to_owned()).collect()
    }

    pub(super) fn migrate(&self, more: &[&str]) -> Run {
        let arguments = self.arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.database.run(&arguments)
    }

    pub(super) fn rehearse(&self, more: &[&str]) -> Run {
        self.migrate(&[&["--rehearse"], more].concat())
    }

    /// What the rehearsal says of the first tenant's migrations.
    fn migrations(&self, more: &[&str]) -> Value {
        let run = self.rehearse(&[&["-o", "json"], more].concat()).success();
        run.json()["tenants"][0]["migrations"].clone()
    }

    /// The schemas that rehearsals have made.
    pub(super) fn clones(&self) -> String {
        clones(&self.database)
    }
}

pub(super) fn clones(database: &Database) -> String {
    database.sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenantctl%' ORDER BY 1")
}

fn locks(migration: &Value) -> Vec<String> {
    let locks = migration["locks"].as_array().expect("locks");
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    locks
        .iter()
        .map(|lock| format!("{} {}", word(&lock["table"]), word(&lock["lock"])))
        .collect()
}

#[test]
fn the_strongest_lock_on_each_table_is_reported() {
    let fleet = Fleet::new(
        &["acme"],
        &[
            "ALTER TABLE users ADD COLUMN region text; SELECT * FROM orders",
            "CREATE INDEX orders_user ON orders (user_id)",
            "CREATE TABLE bills (id int PRIMARY KEY, user_id int REFERENCES users); UPDATE users SET name = 'x'",
        ],
    );
    let migrations = fleet.migrations(&[]);
    assert_eq!(
        locks(&migrations[0]),
        ["users ACCESS EXCLUSIVE", "orders ACCESS SHARE"]
    );
    assert_eq!(locks(&migrations[1]), ["orders SHARE"]);
    assert_eq!(migrations[1]["indexes"], json!(["orders_user"]));
    // A table that is made locks nobody out.
    assert_eq!(locks(&migrations[2]), ["users SHARE ROW EXCLUSIVE"]);
    assert_eq!(migrations[2]["indexes"], json!([]));
    for migration in migrations.as_array().expect("migrations") {
        assert_eq!(migration["rewritten"], json!([]));
        assert!(migration["ms"].is_u64() && migration["error"].is_null());
    }
    assert_eq!(fleet.clones(), "");
}

#[test]
fn a_table_that_is_written_anew_is_named_with_the_indexes_that_are() {
    let fleet = Fleet::new(
        &["acme"],
        &[
            "ALTER TABLE orders ALTER COLUMN amount TYPE bigint",
            "ALTER TABLE users ALTER COLUMN name TYPE varchar",
        ],
    );
    let migrations = fleet.migrations(&[]);
    assert_eq!(migrations[0]["rewritten"], json!(["orders"]));
    assert_eq!(migrations[0]["indexes"], json!(["orders_amount", "orders_pkey"]));
    assert_eq!(migrations[1]["rewritten"], json!([]));
    assert_eq!(migrations[1]["indexes"], json!([]));
}

#[test]
fn people_get_eighty_columns_and_csv_a_line_for_each_lock() {
    let columns: Vec<String> = (0..20).map(|number| format!("column_number_{number}")).collect();
    let indexes: Vec<String> = columns
        .iter()
        .map(|column| format!("ALTER TABLE users ADD COLUMN {column} int; CREATE INDEX ON users ({column})"))
        .collect();
    let fleet = Fleet::new(&["acme"], &[&indexes.join(";"), "DROP TABLE orders"]);
    let run = fleet.rehearse(&[]).success();
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(
        run.stdout.contains("\n    users  ACCESS EXCLUSIVE\n"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout
            .contains("\n    indexes built: users_column_number_0_idx,")
    );
    run.says("`--with-data`");
    let run = fleet.rehearse(&["-o", "csv"]).success();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "tenant,migration,ms,table,lock,rows,rewritten,indexes,error"
    );
    assert!(lines[1].starts_with("acme,V2__step2,"), "{}", lines[1]);
    let dropped = |table: &str| {
        lines
            .iter()
            .any(|line| line.contains(&format!(",{table},ACCESS EXCLUSIVE,")))
    };
    assert!(dropped("orders") && dropped("users"), "{}", run.stdout);
}

#[test]
fn a_migration_that_fails_is_named_and_the_tenants_are_as_they_were() {
    let fleet = Fleet::new(
        &["acme", "globex"],
        &[
            "ALTER TABLE users ADD COLUMN region text",
            "ALTER TABLE nobody ADD COLUMN region text",
            "SELECT 1",
        ],
    );
    let everything = || {
        let judge = Judge::new(fleet.database.url()).with_data();
        let dump = judge
            .dump(&["tenant_acme", "tenant_globex", "public"])
            .expect("a dump");
        let lines = dump.lines().filter(|line| !line.starts_with("\\"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let before = everything();
    let run = fleet
        .rehearse(&["acme", "globex", "--with-data", "-o", "json"])
        .exits(4);
    run.clone()
        .says("the rehearsal with `acme` failed")
        .says("the rehearsal with `globex` failed")
        .says("migration `V3__step3`")
        .says("relation \"nobody\" does not exist (42P01)");
    let tenant = &run.json()["tenants"][0];
    assert_eq!(tenant["passed"], false);
    assert_eq!(tenant["migrations"][0]["error"], Value::Null);
    let error = tenant["migrations"][1]["error"].as_str().expect("an error");
    assert!(error.contains("\"nobody\" does not exist"), "{error}");
    assert_eq!(tenant["not_reached"], json!(["V4__step4"]));
    assert_eq!(everything(), before);
    assert_eq!(fleet.clones(), "");
}

#[test]
fn what_only_fails_on_rows_is_found_with_data() {
    let fleet = Fleet::new(&["acme"], &["ALTER TABLE users ALTER COLUMN name SET NOT NULL"]);
    fleet
        .database
        .sql("INSERT INTO tenant_acme.users VALUES (1, NULL), (2, 'b')");
    fleet.rehearse(&[]).success();
    fleet
        .rehearse(&["--with-data"])
        .exits(4)
        .says("column \"name\" of relation \"users\" contains null values");
    fleet.database.sql("UPDATE tenant_acme.users SET name = 'a'");
    let run = fleet.rehearse(&["--with-data", "-o", "json"]).success();
    let tenant = &run.json()["tenants"][0];
    // Two users and a row of the history.
    assert_eq!(tenant["rows_copied"], 3);
    assert_eq!(tenant["migrations"][0]["locks"][0]["rows"], 2);
    // A deferred constraint fails with the commit.
    let fleet = Fleet::of(
        Database::empty(),
        "CREATE TABLE a (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)",
        &["acme"],
        &["UPDATE a SET id = 1", "SELECT 1"],
    );
    fleet.database.sql("INSERT INTO tenant_acme.a VALUES (1), (2)");
    fleet
        .rehearse(&["--with-data"])
        .exits(4)
        .says("migration `V2__step2`")
        .says("duplicate key value");
}

#[test]
fn without_data_reference_tables_go_along_and_estimates_tell_the_rows() {
    let fleet = Fleet::new(
        &["acme"],
        &["ALTER TABLE users ADD COLUMN kind text; INSERT INTO users SELECT count(*), 'x' FROM kinds"],
    );
    fleet.database.sql(
        "INSERT INTO tenant_acme.kinds VALUES ('a'), ('b'); \
         INSERT INTO tenant_acme.users SELECT n FROM generate_series(1, 100) AS n; ANALYZE tenant_acme.users",
    );
    let text = "[template]\nreference_tables = ['kinds', 'later']\n";
    let config = configured(text);
    let arguments = fleet.arguments(&["--rehearse", "-o", "json"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = fleet
        .database
        .program()
        .folder(config.path())
        .run(&arguments)
        .success();
    let tenant = &run.json()["tenants"][0];
    assert_eq!(tenant["rows_copied"], 3);
    assert_eq!(tenant["migrations"][0]["locks"][0]["rows"], 100);
}

#[test]
fn a_file_without_transaction_is_watched_while_it_runs() {
    let fleet = Fleet::new(
        &["acme"],
        &[
            "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY users_name ON users (name);\n\
             SELECT pg_sleep(0.3) FROM orders LIMIT 1; VACUUM FULL orders",
            "DROP INDEX users_name",
        ],
    );
    fleet
        .database
        .sql("INSERT INTO tenant_acme.users VALUES (1); INSERT INTO tenant_acme.orders VALUES (1, 1)");
    let migrations = fleet.migrations(&["--with-data"]);
    assert_eq!(migrations[0]["in_transaction"], false);
    assert_eq!(
        locks(&migrations[0]),
        ["orders ACCESS EXCLUSIVE", "users SHARE UPDATE EXCLUSIVE"]
    );
    assert_eq!(migrations[0]["rewritten"], json!(["orders"]));
    assert!(migrations[0]["ms"].as_u64() >= Some(300));
    assert_eq!(migrations[1]["in_transaction"], true);

    let fleet = Fleet::new(
        &["acme"],
        &["-- tenantctl: no-transaction\nSELECT 1;\nCREATE UNIQUE INDEX CONCURRENTLY u ON users (name)"],
    );
    fleet
        .database
        .sql("INSERT INTO tenant_acme.users VALUES (1, 'x'), (2, 'x')");
    fleet
        .rehearse(&["--with-data"])
        .exits(4)
        .says("migration `V2__step2` failed at statement 2")
        .says("could not create unique index");
    assert_eq!(fleet.clones(), "");
}

#[test]
fn a_statement_without_transaction_may_take_longer_than_a_query() {
    let fleet = Fleet::new(&["acme"], &["-- tenantctl: no-transaction\nSELECT pg_sleep(0.5)"]);
    for more in [&["--rehearse"][..], &["--all"]] {
        let arguments = fleet.arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let program = fleet.database.program().env("DATABASE_QUERY_TIMEOUT_MS", "200");
        program.run(&arguments).success();
    }
}

#[test]
fn where_nothing_is_pending_there_is_nothing_to_rehearse() {
    let fleet = Fleet::new(&["acme"], &[]);
    let run = fleet.rehearse(&[]).success().says("nothing to rehearse");
    assert_eq!(run.stdout, "");
    assert_eq!(
        fleet.rehearse(&["-o", "json"]).success().json()["tenants"],
        json!([])
    );
    // The registry has forgotten, the history has not.
    fleet.database.sql("UPDATE tenants SET schema_version = NULL");
    fleet.rehearse(&[]).success().says("acme: nothing to rehearse");
    assert_eq!(fleet.clones(), "");
}

#[test]
fn the_largest_tenants_are_chosen_or_those_that_are_named() {
    let fleet = Fleet::new(&["a", "b", "c", "d"], &["SELECT 1"]);
    let fill = |slug: &str, rows: usize| {
        fleet.database.sql(&format!(
            "INSERT INTO tenant_{slug}.users SELECT n, 'name' FROM generate_series(1, {rows}) AS n"
        ));
    };
    fill("b", 3000);
    fill("d", 9000);
    let chosen = |more: &[&str]| -> Vec<String> {
        let answer = fleet.rehearse(&[&["-o", "json"], more].concat()).success().json();
        let tenants = answer["tenants"].as_array().expect("tenants").clone();
        tenants
            .iter()
            .map(|tenant| tenant["tenant"].as_str().expect("a slug").to_owned())
            .collect()
    };
    assert_eq!(chosen(&[]), ["d"]);
    assert_eq!(chosen(&["--all"]), ["d"]);
    assert_eq!(chosen(&["--tenants", "2"]), ["b", "d"]);
    assert_eq!(chosen(&["--exclude", "d"]), ["b"]);
    assert_eq!(chosen(&["a", "c"]), ["a", "c"]);
    assert_eq!(chosen(&["a", "b", "--tenants", "1"]), ["b"]);
    assert_eq!(chosen(&["--all", "--tenants", "10"]), ["a", "b", "c", "d"]);
    // Snapshots know all sizes, and need not be right.
    fleet.database.sql(
        "INSERT INTO tenant_size_snapshots \
         SELECT now(), slug, 'users', CASE slug WHEN 'c' THEN 9 ELSE 1 END, 0, 0 FROM tenants",
    );
    assert_eq!(chosen(&[]), ["c"]);
    fleet
        .rehearse(&["nobody"])
        .exits(2)
        .says("there is no tenant `nobody`");
    fleet.rehearse(&["--fake"]).exits(2);
    fleet.migrate(&["--all", "--with-data"]).exits(2);
}

#[test]
fn a_rehearsal_goes_as_far_and_begins_where_it_is_told() {
    let fleet = Fleet::new(&["acme"], &["SELECT 1", "SELECT 1"]);
    let names = |more: &[&str]| -> Vec<String> {
        let migrations = fleet.migrations(more);
        let migrations = migrations.as_array().expect("migrations").clone();
        migrations
            .iter()
            .map(|one| one["migration"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names(&["--to", "2"]), ["V2__step2"]);
    fleet
        .database
        .sql("DROP TABLE tenant_acme.refinery_schema_history; UPDATE tenants SET schema_version = NULL");
    fleet
        .rehearse(&[])
        .exits(1)
        .says("no migration history")
        .says("--baseline");
    assert_eq!(names(&["--baseline", "2"]), ["V3__step3"]);
    assert_eq!(fleet.clones(), "");
}
