//! What a session or a database is set to changes no definition, no row and no fingerprint.

use super::{TEMPLATE, load};
use crate::support::{Database, Judge, Run};

/// Whatever changes how PostgreSQL reads or writes.
const ODD: &str = "-c datestyle=German -c intervalstyle=iso_8601 -c extra_float_digits=-15 \
    -c standard_conforming_strings=off -c quote_all_identifiers=on -c bytea_output=escape -c xmloption=document \
    -c row_security=off -c default_transaction_isolation=serializable \
    -c array_nulls=off -c backslash_quote=off -c search_path=public -c escape_string_warning=on -c lc_monetary=C.UTF-8";

/// Constants that are printed otherwise under other settings, and rows of such types.
const SENSITIVE: &str = "CREATE TABLE tenant_template.sensitive ( \
        id int PRIMARY KEY, \
        at timestamptz DEFAULT '2026-03-04 05:06:07+08'::timestamptz, \
        day date DEFAULT '2026-03-04'::date, \
        pause interval DEFAULT '1 year 2 days 03:04:05'::interval, \
        share float8 DEFAULT 0.1::float8 + 0.2::float8, \
        bytes bytea DEFAULT '\\xdeadbeef00'::bytea, \
        price money DEFAULT '12.34'::money, \
        document xml DEFAULT XMLPARSE(CONTENT 'a<b/>'), \
        names text[] DEFAULT '{NULL,a}'::text[], \
        word text DEFAULT E'back\\\\slash ''quoted''', \
        CHECK (day > '2026-01-02'::date AND pause < '10 years'::interval)); \
    INSERT INTO tenant_template.sensitive (id) VALUES (1)";

/// A database with the template, and the program in it with these settings.
struct Scene {
    database: Database,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let database = Database::empty();
        load(&database, "hostile_names");
        database.sql(SENSITIVE);
        let folder = tempfile::tempdir().expect("a folder");
        Self { database, folder }
    }

    fn run(&self, settings: &str, arguments: &[&str]) -> Run {
        let program = self.database.program().folder(self.folder.path());
        program.env("PGOPTIONS", settings).run(arguments).success()
    }
}

#[test]
fn whatever_a_session_is_set_to_definitions_and_rows_are_the_same() {
    let scene = Scene::new();
    scene.run(ODD, &["init", "--quiet"]);
    scene.run(ODD, &["create", "odd", "--quiet"]);
    scene.run("", &["create", "plain", "--quiet"]);
    let judge = Judge::new(scene.database.url()).with_data();
    judge.expect_faithful("tenant_odd", "tenant_plain");
    Judge::new(scene.database.url()).expect_faithful(TEMPLATE, "tenant_odd");
    let fingerprints = "SELECT count(DISTINCT schema_fingerprint) FROM tenants";
    assert_eq!(scene.database.sql(fingerprints), "1");
    scene.run("", &["drift", "--all"]);
    scene.run(ODD, &["drift", "--all"]);

    scene
        .database
        .sql("INSERT INTO tenant_odd.sensitive SELECT n FROM generate_series(1, 5) n");
    scene.run(ODD, &["clone", "odd", "copy", "--quiet"]);
    judge.expect_faithful("tenant_odd", "tenant_copy");
    for (taken, brought_back, slug) in [(ODD, "", "forth"), ("", ODD, "back")] {
        let folder = format!("backup-{slug}");
        scene.run(taken, &["backup", "odd", "--dir", &folder]);
        let files = std::fs::read_dir(scene.folder.path().join(&folder)).expect("a folder");
        let names = files
            .flatten()
            .map(|file| file.path().to_string_lossy().into_owned());
        let file = names
            .into_iter()
            .find(|name| name.ends_with(".sql.zst"))
            .expect("a backup");
        scene.run(brought_back, &["verify", &file, "--restore"]);
        scene.run(brought_back, &["restore", &file, "--as", slug]);
        judge.expect_faithful("tenant_odd", &format!("tenant_{slug}"));
    }
}

#[test]
fn whatever_the_other_database_is_set_to_a_backup_comes_back_there() {
    let scene = Scene::new();
    scene.run("", &["init", "--quiet"]);
    scene.run("", &["create", "acme", "--quiet"]);
    scene
        .database
        .sql("INSERT INTO tenant_acme.sensitive SELECT n FROM generate_series(1, 5) n");
    scene.run("", &["backup", "acme", "--dir", "backups"]);
    let other = Database::new();
    for setting in [
        "bytea_output = 'escape'",
        "datestyle = 'German'",
        "xmloption = 'document'",
    ] {
        other.sql(&format!("ALTER DATABASE \"{}\" SET {setting}", other.name()));
    }
    let files = std::fs::read_dir(scene.folder.path().join("backups")).expect("a folder");
    let mut names = files
        .flatten()
        .map(|file| file.path().to_string_lossy().into_owned());
    let file = names.find(|name| name.ends_with(".sql.zst")).expect("a backup");
    other.run(&["restore", &file]).success();
    let rows = "SET bytea_output = 'hex'; SET datestyle = 'ISO'; \
                SELECT md5(string_agg(s::text, ' ' ORDER BY id)) FROM tenant_acme.sensitive s";
    assert_eq!(other.sql(rows), scene.database.sql(rows));
}
