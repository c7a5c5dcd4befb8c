//! Backups: what comes back is what was there, and a file is whole or refused.

mod at_once;
mod connections;
mod drop;
mod faults;
mod folder;
mod forged;
mod lacking;
mod relocate;
mod replace;
mod restore;
mod types;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Database, Holder, Run, configured, signal, wait_until};

/// A database with tenants, and a folder for their backups.
pub(crate) struct Backups {
    pub(crate) database: Database,
    folder: tempfile::TempDir,
}

impl Backups {
    pub(crate) fn of(database: Database) -> Self {
        Self {
            database,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A database with these tenants, each with a few rows.
    pub(crate) fn with_tenants(slugs: &[&str]) -> Self {
        Self::filled(Database::with_tenants(slugs), slugs)
    }

    /// The same in a database that has nothing yet.
    pub(crate) fn made_in(database: Database, slugs: &[&str]) -> Self {
        database.run(&["init", "--quiet"]).success();
        database.run(&[&["create", "--quiet"], slugs].concat()).success();
        Self::filled(database, slugs)
    }

    fn filled(database: Database, slugs: &[&str]) -> Self {
        for slug in slugs {
            database.sql(&format!(
                "CREATE TABLE tenant_{slug}.people (id serial PRIMARY KEY, name text NOT NULL); \
                 INSERT INTO tenant_{slug}.people (name) SELECT '{slug} ' || n FROM generate_series(1, 20) n"
            ));
        }
        Self::of(database)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn dir(&self) -> &str {
        self.path().to_str().expect("a path in UTF-8")
    }

    /// Runs a command with `--dir`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.database.run(&[arguments, &["--dir", self.dir()]].concat())
    }

    /// The files of a tenant's backups, the oldest first.
    pub(crate) fn files(&self, slug: &str) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.path())
            .expect("readable")
            .map(|entry| entry.expect("readable").path())
            .filter(|path| {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                name.starts_with(&format!("{slug}-2")) && !name.ends_with(".partial")
            })
            .collect();
        files.sort();
        files
    }

    /// Backs a tenant up, and says where.
    pub(crate) fn take(&self, slug: &str) -> String {
        self.run(&["backup", slug, "--quiet"]).success();
        let newest = self.files(slug).pop().expect("a file");
        newest.to_str().expect("a path in UTF-8").to_owned()
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.database.sql(sql)
    }
}

#[test]
fn backup_answers_with_a_file_for_each_tenant() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    let run = backups.run(&["backup", "--all", "-o", "json"]).success();
    let json = run.json();
    let files = json["backups"].as_array().expect("a list");
    let slugs: Vec<&str> = files.iter().filter_map(|row| row["slug"].as_str()).collect();
    assert_eq!(slugs, ["acme", "globex"]);
    assert_eq!(files[0]["rows"], 24);
    for row in files {
        let name = row["file"].as_str().expect("a name");
        let slug = row["slug"].as_str().expect("a slug");
        assert!(
            name.starts_with(&format!("{slug}-20")) && name.ends_with("Z.sql.zst"),
            "{name}"
        );
        let size = fs::metadata(backups.path().join(name)).expect("a file").len();
        assert_eq!(row["bytes"], size);
    }
    let human = backups.run(&["backup", "acme"]).success();
    assert!(human.stdout.starts_with("SLUG  FILE"), "{}", human.stdout);
    let csv = backups.run(&["backup", "acme", "-o", "csv"]).success();
    assert!(
        csv.stdout
            .starts_with("slug,file,taken_at,tables,rows,bytes\nacme,acme-")
    );
}

#[test]
fn backup_wants_a_folder_and_tenants() {
    let backups = Backups::with_tenants(&["acme"]);
    backups
        .database
        .run(&["backup", "--all"])
        .exits(2)
        .says("no folder for backups was named");
    backups.run(&["backup"]).exits(2).says("no tenants were named");
    backups.run(&["backup", "nobody"]).exits(2);
    let none = backups.run(&["backup", "--all", "--plan", "none"]).success();
    assert_eq!(none.stdout, "");
    none.says("no tenants to back up");
    let missing = ["backup", "acme", "--exclude-table-data", "nothing"];
    backups
        .run(&missing)
        .exits(2)
        .says("schema `tenant_acme` has no table `nothing`");
}

#[test]
fn the_rest_is_backed_up_when_one_tenant_fails() {
    let backups = Backups::with_tenants(&["acme", "broken", "globex"]);
    backups.sql("DROP SCHEMA tenant_broken CASCADE");
    let run = backups.run(&["backup", "--all"]).exits(3);
    run.says("1 of 3 tenants failed to be backed up")
        .says("schema `tenant_broken` does not exist");
    assert_eq!(
        (backups.files("acme").len(), backups.files("globex").len()),
        (1, 1)
    );
    assert!(backups.files("broken").is_empty());
}

#[test]
fn verify_reads_every_byte_and_needs_no_database() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    let nowhere = || crate::support::Program::new();
    let run = nowhere().run(&["verify", &file, "-o", "json"]).success();
    let json = run.json();
    assert_eq!(json["files"][0]["whole"], true);
    assert_eq!(json["files"][0]["slug"], "acme");
    assert_eq!(json["files"][0]["rows"], 24);
    let bytes = fs::read(&file).expect("readable");
    for (name, damage) in [
        ("cut.sql.zst", bytes[..bytes.len() - 1].to_vec()),
        ("flipped.sql.zst", flipped(&bytes, bytes.len() / 2)),
        ("text.sql.zst", b"select 1;".to_vec()),
        ("empty.sql.zst", Vec::new()),
    ] {
        let broken = backups.path().join(name);
        fs::write(&broken, damage).expect("written");
        let broken = broken.to_str().expect("a path in UTF-8");
        let run = nowhere().run(&["verify", &file, broken, "-o", "json"]).exits(4);
        let json = run.json();
        assert_eq!(json["files"][0]["whole"], true);
        assert_eq!(json["files"][1]["whole"], false, "{name}");
        let state = backups.database.state();
        backups
            .database
            .run(&["restore", broken, "--as", "copy"])
            .exits(1);
        assert_eq!(backups.database.state(), state, "{name}");
    }
    nowhere().run(&["verify", "/nonexistent"]).exits(2);
}

#[test]
fn verify_restores_aside_and_leaves_nothing_behind() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    let everything = "SELECT count(*), sum(oid::bigint) FROM pg_namespace";
    let before = backups.sql(everything);
    backups.database.run(&["verify", "--restore", &file]).success();
    assert_eq!(backups.sql(everything), before);
    assert_eq!(backups.sql("SELECT count(*) FROM tenants"), "1");
}

#[test]
fn an_encrypted_backup_is_read_with_its_identity_only() {
    let backups = Backups::with_tenants(&["acme"]);
    let pair = age::x25519::Identity::generate();
    let recipient = pair.to_public().to_string();
    let key = age::secrecy::ExposeSecret::expose_secret(&pair.to_string()).to_owned();
    let identity = backups.path().join("key.txt");
    fs::write(&identity, format!("# a key\n{key}\n")).expect("written");
    let identity = identity.to_str().expect("a path in UTF-8");
    backups
        .run(&["backup", "acme", "--encrypt", &recipient])
        .success();
    let file = backups.files("acme").pop().expect("a file");
    assert!(file.to_string_lossy().ends_with(".sql.zst.age"));
    let bytes = fs::read(&file).expect("readable");
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    let file = file.to_str().expect("a path in UTF-8");
    backups.database.run(&["verify", file]).exits(4);
    let run = backups.database.run(&["restore", file, "--as", "copy"]).exits(1);
    run.says("the backup is encrypted").says("--identity FILE");
    let with = ["--identity", identity];
    backups
        .database
        .run(&[&["verify", file], &with[..]].concat())
        .success();
    backups
        .database
        .run(&[&["restore", file, "--as", "copy"], &with[..]].concat())
        .success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_copy.people"), "20");
    for at in [30, bytes.len() / 2, bytes.len() - 1] {
        fs::write(file, flipped(&bytes, at)).expect("written");
        backups
            .database
            .run(&[&["verify", file], &with[..]].concat())
            .exits(4);
    }
    backups
        .run(&["backup", "acme", "--encrypt", "age1nonsense"])
        .exits(2)
        .says("`age1nonsense` is no recipient");
}

/// The bytes with one bit of the byte at `at` flipped.
fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[at] ^= 4;
    flipped
}

#[test]
fn a_backup_that_could_not_be_tried_is_not_called_broken() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE TABLE public.plans (id int PRIMARY KEY); \
         CREATE TABLE tenant_acme.bookings (plan int REFERENCES public.plans)",
    );
    let backups = Backups::of(database);
    let database = &backups.database;
    backups.run(&["backup", "acme"]).success();
    let file = backups.files("acme").remove(0);
    let verify = || {
        let config = "[tenants]\nlock_timeout = '100ms'\n";
        let folder = configured(config);
        let program = database.program().folder(folder.path());
        program.run(&["verify", "--restore", file.to_str().expect("UTF-8")])
    };
    let holder = Holder::of(database, "LOCK TABLE public.plans");
    let run = verify().exits(1).says("could not be tried").says("lock timeout");
    assert!(!run.stdout.contains("no"), "{}", run.stdout);
    holder.commit();
    verify().success();
}

#[test]
fn a_check_that_is_interrupted_leaves_nothing_at_work_on_the_server() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE FUNCTION public.slowly(int) RETURNS int IMMUTABLE LANGUAGE sql \
          AS $$ SELECT CASE WHEN current_setting('application_name') = 'tenantctl verify' \
                            THEN (SELECT $1 FROM pg_sleep(600)) ELSE $1 END $$; \
         CREATE TABLE tenant_acme.slow (id int); INSERT INTO tenant_acme.slow VALUES (1); \
         CREATE INDEX ON tenant_acme.slow (public.slowly(id))",
    );
    let backups = Backups::of(database);
    let database = &backups.database;
    backups.run(&["backup", "acme"]).success();
    let file = backups.files("acme").remove(0);
    let arguments = ["verify", "--restore", file.to_str().expect("UTF-8")];
    let child = database.program().spawn(&arguments);
    let at_work =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    wait_until("the index is being made", || database.sql(at_work) == "1");
    signal(child.id(), "INT");
    Run::of(child).exits(130);
    wait_until("the server has stopped as well", || database.sql(at_work) == "0");
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%verify%'"),
        "0"
    );
}
