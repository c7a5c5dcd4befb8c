//! A copy made while others work: writers, changes to the schema, other runs, kills.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::add_users;
use crate::support::{Database, Holder, Judge, Run, client, configured, psql, signal, wait_until};

/// psql that does its statements one after the other until it is told to end.
struct Session(Child);

impl Session {
    fn start(database: &Database, sql: &str) -> Self {
        let child = client("psql")
            .args([database.url(), "-XAtq", "-c", sql])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("psql is installed with the server"))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// How many of our sessions are in this database.
fn ours(database: &Database) -> String {
    database.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tenantctl%' AND datname = current_database()",
    )
}

/// Makes copying this tenant take long, in the middle of its rows.
fn slow_down(database: &Database, slug: &str) {
    add_users(database, slug, 3);
    database.sql(&format!(
        "SET search_path = tenant_{slug}; \
         CREATE FUNCTION slowly(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \
             'BEGIN IF current_setting(''application_name'') LIKE ''tenantctl%'' THEN PERFORM pg_sleep(20); END IF; \
                    RETURN $1; END'; \
         CREATE TABLE slow (n int, m int GENERATED ALWAYS AS (slowly(n)) STORED); INSERT INTO slow VALUES (1)"
    ));
}

fn is_copying(database: &Database) -> bool {
    database.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tenantctl%' \
         AND wait_event = 'PgSleep' AND datname = current_database()",
    ) == "1"
}

#[test]
fn a_copy_made_while_others_write_is_of_one_moment() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "SET search_path = tenant_acme; CREATE TABLE a (n int PRIMARY KEY); CREATE TABLE z (n int REFERENCES a, id serial);",
    );
    // Every transaction writes both tables, so at every moment they hold the same numbers.
    let write = "DO $$ BEGIN FOR n IN 1..100000 LOOP \
                 INSERT INTO tenant_acme.a VALUES (n); INSERT INTO tenant_acme.z VALUES (n); COMMIT; \
                 END LOOP; END $$";
    let _writer = Session::start(&database, write);
    wait_until("rows are written", || {
        database.sql("SELECT count(*) > 100 FROM tenant_acme.a") == "t"
    });
    for number in 0..5 {
        database
            .run(&["clone", "acme", &format!("copy{number}")])
            .success();
        let copied = database.sql(&format!(
            "SELECT (SELECT count(*) FROM tenant_copy{number}.a) = count(*), count(*) > 100, \
             nextval('tenant_copy{number}.z_id_seq') > max(id) FROM tenant_copy{number}.z"
        ));
        assert_eq!(copied, "t|t|t");
    }
    let counts = "SELECT (SELECT count(*) FROM tenant_copy0.a) < (SELECT count(*) FROM tenant_acme.a)";
    assert_eq!(database.sql(counts), "t", "the writer was blocked");
}

#[test]
fn changes_to_the_original_meanwhile_never_tear_the_copy() {
    let database = Database::with_tenants(&["acme"]);
    // Changes come now and then while a copy is made, whatever this machine needs for one.
    let started = Instant::now();
    database.run(&["clone", "acme", "first"]).success();
    let pause = format!(
        "PERFORM pg_sleep({} * random())",
        started.elapsed().as_secs_f64() * 4.0
    );
    let change = format!(
        "DO $$ BEGIN FOR n IN 1..100000 LOOP \
        CREATE TABLE tenant_acme.a (n int, one int); INSERT INTO tenant_acme.a VALUES (n, 1); \
        CREATE VIEW tenant_acme.v AS SELECT one FROM tenant_acme.a; COMMIT; {pause}; \
        DROP VIEW tenant_acme.v; ALTER TABLE tenant_acme.a RENAME one TO two; \
        CREATE VIEW tenant_acme.v AS SELECT two FROM tenant_acme.a; COMMIT; {pause}; \
        DROP TABLE tenant_acme.a CASCADE; COMMIT; END LOOP; END $$"
    );
    let changer = Session::start(&database, &change);
    let patient = configured("[tenants]\nlock_timeout = '5min'\n");
    let mut codes = Vec::new();
    for number in 0..12 {
        let slug = format!("c{number}");
        let run = database
            .program()
            .folder(patient.path())
            .run(&["clone", "acme", &slug]);
        codes.push(run.code);
        let schema = format!("tenant_c{number}");
        let exists = format!("SELECT to_regnamespace('{schema}') IS NOT NULL");
        assert_eq!(database.sql(&exists) == "t", run.code == 0, "{run:?}");
        if run.code != 0 {
            run.exits(1).says("was changed while it was being read");
            continue;
        }
        let seen = database.sql(&format!(
            "SELECT (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
                      WHERE attrelid = to_regclass('{schema}.a') AND attnum > 0), \
                    (SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attrelid = to_regclass('{schema}.v'))"
        ));
        assert!(["|", "n one|one", "n two|two"].contains(&seen.as_str()), "{seen}");
        if seen != "|" {
            assert_eq!(database.sql(&format!("SELECT count(*) FROM {schema}.a")), "1");
        }
    }
    drop(changer);
    assert!(codes.contains(&0), "no clone came through: {codes:?}");
}

#[test]
fn readers_and_writers_of_the_original_wait_for_nothing() {
    let database = Database::with_tenants(&["acme"]);
    slow_down(&database, "acme");
    let child = database.program().spawn(&["clone", "acme", "copy"]);
    wait_until("rows are being copied", || is_copying(&database));
    let started = Instant::now();
    database.sql("UPDATE tenant_acme.users SET name = 'new'; INSERT INTO tenant_acme.sessions SELECT FROM generate_series(1, 0)");
    assert!(started.elapsed() < Duration::from_secs(10));
    signal(child.id(), "INT");
    Run::of(child).exits(130);
}

#[test]
fn ctrl_c_cancels_on_the_server_and_leaves_nothing() {
    let database = Database::with_tenants(&["acme"]);
    slow_down(&database, "acme");
    let before = database.state();
    let child = database.program().spawn(&["clone", "acme", "copy"]);
    wait_until("rows are being copied", || is_copying(&database));
    let started = Instant::now();
    signal(child.id(), "INT");
    Run::of(child)
        .exits(130)
        .says("interrupted; what was not committed has been undone");
    wait_until("the server has ended it", || ours(&database) == "0");
    assert!(started.elapsed() < Duration::from_secs(15), "the server went on");
    assert_eq!(database.state(), before);
}

#[test]
fn a_kill_in_the_middle_leaves_nothing() {
    let database = Database::with_tenants(&["acme"]);
    add_users(&database, "acme", 5000);
    let before = database.state();
    let mut done = 0;
    for round in 0..25 {
        let mut child = database.program().spawn(&["clone", "acme", "copy"]);
        std::thread::sleep(Duration::from_millis(8 * round));
        child.kill().expect("can be killed");
        Run::of(child);
        wait_until("killed clients' sessions end", || ours(&database) == "0");
        let state = database.state();
        if state == before {
            continue;
        }
        done += 1;
        assert_eq!(
            database.sql("SELECT count(*) FROM tenant_copy.users"),
            "5000",
            "{state:?}"
        );
        database.run(&["drop", "--no-backup", "copy", "--yes"]).success();
    }
    assert!(done < 25, "every kill came too late");
    database.run(&["clone", "acme", "copy"]).success();
    Judge::new(database.url())
        .with_data()
        .expect_faithful("tenant_acme", "tenant_copy");
}

#[test]
fn a_tenant_that_another_run_changes_is_not_copied_and_one_that_is_copied_not_changed() {
    let database = Database::with_tenants(&["acme", "globex"]);
    slow_down(&database, "acme");
    let copy = database.program().spawn(&["clone", "acme", "copy"]);
    wait_until("rows are being copied", || is_copying(&database));
    database
        .run(&["drop", "--no-backup", "acme", "--yes"])
        .exits(6)
        .says("schema `tenant_acme` is locked by another run");
    database
        .run(&["clone", "globex", "copy"])
        .exits(6)
        .says("schema `tenant_copy` is locked by another run");
    database
        .run(&["clone", "acme", "dry", "--dry-run", "--schema-only"])
        .success();
    signal(copy.id(), "INT");
    Run::of(copy).exits(130);

    let sql = "select pg_sleep(20)";
    let other = database
        .program()
        .spawn(&["exec", "globex", "--write", "-s", sql, "--yes"]);
    wait_until("the other run works", || is_copying(&database));
    database
        .run(&["clone", "globex", "copy"])
        .exits(6)
        .says("schema `tenant_globex` is locked by another run");
    let mut other = other;
    other.kill().expect("can be killed");
    Run::of(other);
    assert_eq!(database.state().0, "acme tenant_acme\nglobex tenant_globex");
}

#[test]
fn of_many_that_clone_to_one_slug_at_once_one_wins() {
    let database = Database::with_tenants(&["acme"]);
    let children: Vec<_> = (0..8)
        .map(|_| database.program().spawn(&["clone", "acme", "copy"]))
        .collect();
    let runs: Vec<Run> = children.into_iter().map(Run::of).collect();
    assert_eq!(runs.iter().filter(|run| run.code == 0).count(), 1, "{runs:?}");
    assert!(runs.iter().all(|run| [0, 1, 6].contains(&run.code)), "{runs:?}");
    Judge::new(database.url())
        .with_data()
        .expect_faithful("tenant_acme", "tenant_copy");
}

#[test]
fn a_table_that_somebody_holds_is_waited_for_as_long_as_the_configuration_says() {
    let database = Database::with_tenants(&["acme"]);
    let _holder = Holder::of(&database, "LOCK TABLE tenant_acme.users");
    let folder = configured("[tenants]\nlock_timeout = '100ms'\n[fleet]\nretries = 1\n");
    database
        .program()
        .folder(folder.path())
        .run(&["clone", "acme", "copy"])
        .exits(1)
        .says("canceling statement due to lock timeout (55P03)")
        .says("attempt 1 failed");
    assert!(psql(database.url(), "SELECT FROM tenant_copy.users").is_err());
}
