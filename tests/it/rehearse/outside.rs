//! What lies outside of the clones: the tenants themselves, what they share, and the shadow database.

use super::{Fleet, clones, locks};
use crate::support::{Database, Holder, Run, psql};

/// A tenant whose rows are of many kinds.
const ODD: &str = "CREATE TYPE mood AS ENUM ('low', 'high'); \
                   CREATE TABLE odd (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, at timestamptz, \
                       data bytea, f float8, j jsonb, twice float8 GENERATED ALWAYS AS (f * 2) STORED, t text[]); \
                   CREATE TABLE bare (); \
                   CREATE TABLE parts (at date, note text) PARTITION BY RANGE (at); \
                   CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); \
                   CREATE SEQUENCE alone; \
                   CREATE MATERIALIZED VIEW moods AS SELECT m, count(*) FROM odd GROUP BY m";

impl Fleet {
    fn rehearse_in(&self, shadow: &Database, more: &[&str]) -> Run {
        let arguments = self.arguments(&[&["--rehearse"], more].concat());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let program = self.database.program().env("SHADOW_DATABASE_URL", shadow.url());
        program.run(&arguments)
    }
}

#[test]
fn a_shadow_database_holds_the_clones_with_their_rows() {
    let check = "DO $$ BEGIN \
        IF (SELECT array_agg(o ORDER BY id)::text FROM odd AS o) IS DISTINCT FROM current_setting('rehearsal.odd') \
        THEN RAISE EXCEPTION 'other rows: %', (SELECT array_agg(o ORDER BY id) FROM odd AS o); END IF; \
        IF (SELECT count(*) FROM bare) <> 2 OR (SELECT count(*) FROM parts) <> 1 OR (SELECT count(*) FROM moods) <> 2 \
        THEN RAISE EXCEPTION 'other counts'; END IF; \
        IF nextval('alone') <> 42 OR nextval('odd_id_seq') <> 3 THEN RAISE EXCEPTION 'other numbers'; END IF; \
        IF current_database() <> current_setting('rehearsal.place') THEN RAISE EXCEPTION 'wrong place'; END IF; END $$";
    let fleet = Fleet::of(Database::empty(), ODD, &["acme"], &[check]);
    let shadow = Database::empty();
    fleet.database.sql(
        "SET search_path = tenant_acme; \
         INSERT INTO odd (m, at, data, f, j, t) VALUES \
         ('low', '2026-01-01 00:00+02', '\\x00ff5c', 0.1, '{\"a\": \"\\\\t\"}', '{\"a,b\",NULL,\"\"}'), \
         ('high', 'infinity', NULL, 'NaN', NULL, '{}'); \
         INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES; \
         INSERT INTO parts VALUES ('2026-06-01', E'a\\nb'); SELECT setval('alone', 41); \
         REFRESH MATERIALIZED VIEW moods",
    );
    let rows = fleet
        .database
        .sql("SET search_path = tenant_acme; SELECT array_agg(o ORDER BY id)::text FROM odd AS o");
    let name = shadow.name();
    psql(
        shadow.url(),
        &format!(
            "ALTER DATABASE \"{name}\" SET rehearsal.odd = '{}'; \
             ALTER DATABASE \"{name}\" SET rehearsal.place = '{name}'",
            rows.replace('\'', "''")
        ),
    )
    .expect("set");
    fleet
        .rehearse_in(&shadow, &["--with-data"])
        .success()
        .says(&format!("rehearsing in {name}"));
    assert_eq!((fleet.clones(), clones(&shadow)), (String::new(), String::new()));
    fleet.rehearse_in(&shadow, &[]).exits(4).says("other rows");
    assert_eq!(clones(&shadow), "");
}

#[test]
fn what_the_shadow_database_lacks_is_said() {
    let database = Database::empty();
    database.sql("CREATE SCHEMA common CREATE TABLE plans (plan text PRIMARY KEY)");
    let first = "CREATE TABLE users (id int, plan text REFERENCES common.plans)";
    let fleet = Fleet::of(database, first, &["acme"], &["SELECT 1"]);
    let shadow = Database::empty();
    fleet
        .rehearse_in(&shadow, &[])
        .exits(1)
        .says("making the clone in the shadow database")
        .says("schema \"common\" does not exist")
        .says("must be in the shadow database");
    shadow.sql("CREATE SCHEMA common CREATE TABLE plans (plan text PRIMARY KEY)");
    fleet.rehearse_in(&shadow, &[]).success();
    assert_eq!(clones(&shadow), "");
}

#[test]
fn what_tenants_share_is_changed_by_no_rehearsal_beside_them() {
    for (change, what) in [
        ("INSERT INTO public.plans VALUES ('x')", "public.plans"),
        ("ALTER TABLE public.plans ADD COLUMN x int", "public.plans"),
        ("CREATE INDEX ON public.plans (plan)", "public.plans"),
        ("CREATE TABLE public.more (id int)", "public.more"),
        ("DROP TABLE public.plans CASCADE", "public.plans"),
        ("TRUNCATE public.plans CASCADE", "public.plans"),
        ("INSERT INTO tenant_acme.users VALUES (1)", "tenant_acme.users"),
    ] {
        let database = Database::empty();
        database.sql("CREATE TABLE plans (plan text PRIMARY KEY); INSERT INTO plans VALUES ('p')");
        let first = "CREATE TABLE users (id int, plan text REFERENCES public.plans)";
        let fleet = Fleet::of(database, first, &["acme"], &[change, "SELECT 1"]);
        let everything = || {
            fleet.database.sql(
                "SELECT (SELECT count(*) FROM plans), (SELECT count(*) FROM tenant_acme.users), \
                 (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute)",
            )
        };
        let before = everything();
        fleet
            .rehearse(&[])
            .exits(4)
            .says("changes what lies outside of the tenant")
            .says(what)
            .says("SHADOW_DATABASE_URL");
        assert_eq!(everything(), before, "{change}");
    }
}

#[test]
fn a_foreign_key_to_a_shared_table_is_no_change_and_its_lock_is_told() {
    let database = Database::empty();
    database.sql("CREATE TABLE plans (plan text PRIMARY KEY); INSERT INTO plans VALUES ('x')");
    let fleet = Fleet::of(
        database,
        "CREATE TABLE users (id int, plan text REFERENCES public.plans)",
        &["acme"],
        &[
            "ALTER TABLE users ADD COLUMN old text REFERENCES public.plans",
            "INSERT INTO users VALUES (1, 'x', 'x')",
            "ALTER TABLE users DROP COLUMN old; ALTER TABLE users ALTER id TYPE bigint; \
             CREATE TEMPORARY TABLE t (id int); DROP TABLE t; CREATE TABLE s (id serial); DROP TABLE s",
        ],
    );
    let migrations = fleet.migrations(&[]);
    assert_eq!(
        locks(&migrations[0]),
        ["users ACCESS EXCLUSIVE", "public.plans SHARE ROW EXCLUSIVE"]
    );
    assert_eq!(
        locks(&migrations[1]),
        ["users ROW EXCLUSIVE", "public.plans ROW SHARE"]
    );
    assert_eq!(
        locks(&migrations[2]),
        ["public.plans ACCESS EXCLUSIVE", "users ACCESS EXCLUSIVE"]
    );
}

#[test]
fn the_original_is_only_read() {
    let fleet = Fleet::new(&["acme"], &["ALTER TABLE users ADD COLUMN region text"]);
    // Nothing but a reader gets past this lock.
    let writer = Holder::of(
        &fleet.database,
        "LOCK TABLE tenant_acme.users, tenant_acme.orders IN EXCLUSIVE MODE",
    );
    let run = fleet.rehearse(&["--with-data", "--lock-timeout", "2s"]);
    writer.commit();
    run.success();
}

#[test]
fn a_tenant_that_another_run_changes_is_not_rehearsed_with() {
    let fleet = Fleet::new(&["acme"], &["SELECT 1"]);
    let key = "hashtextextended('tenantctl:tenant:tenant_acme', 0)";
    let lock = format!("SELECT pg_advisory_xact_lock({key})");
    let other = Holder::of(&fleet.database, &lock);
    let run = fleet.rehearse(&[]);
    other.commit();
    run.exits(6).says("schema `tenant_acme` is locked by another run");
}
