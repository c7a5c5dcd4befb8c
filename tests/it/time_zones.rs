//! What is read of a tenant is the same in every time zone, and what depends on the zone is done in the database's own.

use crate::backup::Backups;
use crate::support::Database;

/// Gives the database's sessions another zone, as a server elsewhere has.
fn set_zone(database: &Database, zone: &str) {
    database.sql(&format!(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), '{zone}'); END $$"
    ));
}

const EVENTS: &str = "CREATE TABLE events (id int PRIMARY KEY, at timestamptz DEFAULT '2026-01-01 00:00+00', \
                          clock timetz, span tstzrange, CHECK (at > '2020-01-01 00:00+00')); \
                      CREATE TABLE logs (at timestamptz NOT NULL) PARTITION BY RANGE (at); \
                      CREATE TABLE logs_2026 PARTITION OF logs \
                          FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2027-01-01 00:00+00'); \
                      CREATE VIEW late AS SELECT id FROM events WHERE at > '2026-06-01 12:00+00'; \
                      CREATE INDEX events_old ON events (id) WHERE at < '2026-01-01 00:00+00'";

#[test]
fn a_backup_comes_back_where_clocks_show_another_time() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    backups.sql(&format!(
        "SET search_path = tenant_acme; {EVENTS}; INSERT INTO events VALUES \
             (1, '2026-03-01 12:00+00', '12:00+02', '[2026-01-01 00:00+00, 2026-02-01 00:00+00)'); \
         INSERT INTO logs VALUES ('2026-05-05 05:05+00')"
    ));
    set_zone(&backups.database, "Asia/Tokyo");
    backups.run(&["backup", "--all", "--quiet"]).success();
    let among_others = backups.files("acme").pop().expect("a file");
    let among_others = among_others.to_str().expect("a path in UTF-8").to_owned();
    let file = backups.take("acme");
    set_zone(&backups.database, "America/New_York");
    let files = [among_others.as_str(), file.as_str()];
    backups
        .database
        .run(&[&["verify", "--restore"], &files[..]].concat())
        .success();
    backups
        .database
        .run(&["restore", &file, "--as", "copy"])
        .success();
    let rows = |schema: &str| {
        backups.sql(&format!(
            "SET timezone = 'UTC'; SELECT (SELECT string_agg(e::text, ' ') FROM {schema}.events e), \
             (SELECT string_agg(l::text, ' ') FROM {schema}.logs l)"
        ))
    };
    assert_eq!(rows("tenant_copy"), rows("tenant_acme"));
    let there = Database::new();
    set_zone(&there, "Europe/Berlin");
    let config = backups.path().join("tenantctl.toml");
    std::fs::write(&config, format!("[targets.eu]\nurl = \"{}\"\n", there.url())).expect("written");
    let config = config.to_str().expect("a path in UTF-8");
    backups
        .database
        .run(&["move", "acme", "--to", "eu", "--yes", "--config", config])
        .success();
    assert_eq!(there.sql("SELECT count(*) FROM tenant_acme.events"), "1");
}

#[test]
fn a_schema_has_one_fingerprint_in_every_time_zone() {
    let database = Database::new();
    database.sql(&format!("SET search_path = tenant_template; {EVENTS}"));
    database.run(&["create", "acme"]).success();
    let fingerprints = || {
        database.run(&["drift", "--all"]).success().says("no drift");
        database.sql("SELECT string_agg(DISTINCT schema_fingerprint, ' ') FROM tenants")
    };
    let before = fingerprints();
    for (zone, slug) in [("Asia/Tokyo", "globex"), ("America/New_York", "initech")] {
        set_zone(&database, zone);
        database.run(&["create", slug]).success();
        assert_eq!(fingerprints(), before, "{zone}");
    }
}

#[test]
fn what_depends_on_the_time_zone_is_made_in_that_of_the_database() {
    let backups = Backups::with_tenants(&["acme"]);
    set_zone(&backups.database, "Asia/Tokyo");
    backups.sql(
        "SET search_path = tenant_acme; CREATE TABLE days (at timestamptz, day date, CHECK (at::date = day)); \
         INSERT INTO days VALUES ('2026-01-01 20:00+00', '2026-01-02'); \
         CREATE MATERIALIZED VIEW by_day AS SELECT at::date AS day FROM days",
    );
    let file = backups.take("acme");
    let database = &backups.database;
    database.run(&["clone", "acme", "copy"]).success();
    database.run(&["restore", &file, "--as", "restored"]).success();
    backups.database.run(&["verify", &file, "--restore"]).success();
    for schema in ["tenant_copy", "tenant_restored"] {
        assert_eq!(
            database.sql(&format!("SELECT day FROM {schema}.by_day")),
            "2026-01-02",
            "{schema}"
        );
    }
}
