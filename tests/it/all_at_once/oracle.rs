//! What is true after a round, when everything that was interrupted has been finished: registry, schemas, histories,
//! definitions and rows agree, and nothing is left of what was killed.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::ledger::{Absence, Standing};
use super::scene::Scene;
use crate::support::{Judge, Random};

/// The longest list of rows that a complaint shows.
const SHOWN: usize = 10;

/// Finishes what was interrupted with plain calls, and looks at everything.
pub(super) fn examine(scene: &Scene, random: &mut Random) {
    scene.fleet.database.nobody_is_left();
    let oracle = Oracle { scene };
    oracle.settle_standings();
    oracle.bring_back(random);
    oracle.finish();
    oracle.registry_and_schemas();
    oracle.versions();
    oracle.rows();
    oracle.answers(random);
    oracle.backups(random);
    oracle.leftovers();
    scene
        .ledger
        .accounts()
        .retain(|_, account| !account.is_absent(Absence::ForGood));
}

struct Oracle<'a> {
    scene: &'a Scene,
}

impl Oracle<'_> {
    fn sql(&self, sql: &str) -> String {
        self.scene.fleet.sql(sql)
    }

    fn lines(&self, sql: &str) -> Vec<String> {
        self.sql(sql).lines().map(str::to_owned).collect()
    }

    fn expect(&self, what: &str, sql: &str, expected: &str) {
        let found = self.sql(sql);
        if found != expected {
            self.scene
                .wrong(format!("{what}: {found:?} and not {expected:?}"));
        }
    }

    /// The slugs of the tenants that are there, and whether each is active.
    fn registered(&self) -> BTreeMap<String, bool> {
        self.lines("SELECT slug, is_active FROM tenants ORDER BY 1")
            .iter()
            .filter_map(|line| line.split_once('|'))
            .map(|(slug, active)| (slug.to_owned(), active == "t"))
            .collect()
    }

    /// Where nobody heard how a call ended, the registry says it. Elsewhere it says what was heard.
    fn settle_standings(&self) {
        let registered = self.registered();
        let mut accounts = self.scene.ledger.accounts();
        for slug in registered.keys().filter(|slug| !accounts.contains_key(*slug)) {
            self.scene.wrong(format!("nobody has made tenant {slug}"));
        }
        for (slug, account) in accounts.iter_mut() {
            let is_there = registered.get(slug);
            account.standing = match (account.standing, is_there) {
                (Standing::Either(_) | Standing::There, Some(_)) => Standing::There,
                (Standing::Either(why) | Standing::Absent(why), None) => Standing::Absent(why),
                (said, found) => {
                    self.scene.wrong(format!(
                        "tenant {slug} is {found:?} in the registry, and was {said:?}"
                    ));
                    said
                }
            };
            if let Some(is_active) = is_there {
                match account.is_active {
                    Some(said) if said != *is_active => self
                        .scene
                        .wrong(format!("tenant {slug} is active: {is_active}, and was {said}")),
                    _ => account.is_active = Some(*is_active),
                }
            }
        }
    }

    /// Some dropped tenants come back, with all their rows.
    fn bring_back(&self, random: &mut Random) {
        let mut dropped: Vec<String> = {
            let accounts = self.scene.ledger.accounts();
            let dropped = accounts
                .iter()
                .filter(|(_, account)| account.is_absent(Absence::BackedUp));
            dropped.map(|(slug, _)| slug.clone()).collect()
        };
        // The first of them always does.
        let mut is_first = true;
        dropped.retain(|_| std::mem::take(&mut is_first) || random.one_in(3));
        for slug in dropped {
            self.scene.finish(&["undrop", &slug]);
            self.scene
                .ledger
                .change(&slug, |account| account.standing = Standing::There);
        }
    }

    /// One call of each command carries on where one was interrupted.
    fn finish(&self) {
        let scene = self.scene;
        scene.finish(&["migrate", "--all", "--inactive", "--quiet"]);
        scene.finish(&["migrate", "--all", "--inactive", "--deep", "--quiet"]);
        scene.finish(&["cleanup", "--days", "30", "--inactive", "--yes", "--quiet"]);
        // What is younger than ten seconds may be somebody's who has just begun.
        let backups = scene.fleet.folder().join("backups");
        for file in files(&backups).iter().filter(|name| name.ends_with(".partial")) {
            let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
            let file = fs::File::options().append(true).open(backups.join(file));
            let file = file.expect("nobody else removes it");
            file.set_modified(an_hour_ago).expect("made older");
        }
        scene.finish(&["backup", "--all", "--inactive", "--keep", "2", "--quiet"]);
    }

    fn registry_and_schemas(&self) {
        self.expect(
            "schemas without a tenant, and tenants without a schema",
            "SELECT string_agg(coalesce(n.nspname, t.slug), ', ') FROM tenants t \
             FULL JOIN (SELECT nspname FROM pg_namespace \
                        WHERE nspname LIKE 'tenant\\_%' AND nspname <> 'tenant_template') n \
             ON n.nspname = t.schema_name WHERE n.nspname IS NULL OR t.id IS NULL",
            "",
        );
        self.expect(
            "tenants by the log, less those by the registry",
            "SELECT (SELECT count(*) FILTER (WHERE command IN ('create', 'clone', 'undrop')) \
                          - count(*) FILTER (WHERE command = 'drop') FROM tenant_operations WHERE outcome = 'done') \
                    - (SELECT count(*) FROM tenants)",
            "0",
        );
        self.expect(
            "runs without an end",
            "SELECT string_agg(id || ' ' || command, ', ') FROM tenant_operations WHERE outcome = 'running'",
            "",
        );
    }

    /// The registry, each tenant's own history and the template agree.
    fn versions(&self) {
        let newest = self.scene.version.load(Ordering::SeqCst);
        let all: Vec<String> = (1..=newest).map(|version| version.to_string()).collect();
        let all = all.join(",");
        for schema in self.lines(
            "SELECT schema_name || ' ' || coalesce(schema_version::text, '-') FROM tenants \
             UNION ALL SELECT 'tenant_template ' || NULL",
        ) {
            let (schema, version) = schema.split_once(' ').unwrap_or(("tenant_template", ""));
            let history = self.scene.fleet.history(schema);
            if history != all {
                self.scene.wrong(format!(
                    "{schema} has the history {history} and not up to {newest}"
                ));
            }
            if schema != "tenant_template" && version != newest.to_string() {
                self.scene
                    .wrong(format!("{schema} is registered at {version} and not at {newest}"));
            }
        }
        self.expect(
            "unfinished migrations",
            "SELECT string_agg(schema_name || ' ' || version, ', ') FROM tenant_unfinished_migrations",
            "",
        );
        self.expect(
            "invalid indexes",
            "SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index \
             WHERE NOT (indisvalid AND indisready AND indislive)",
            "",
        );
    }

    /// What the program itself says of the fleet, and what `pg_dump` says of one tenant.
    fn answers(&self, random: &mut Random) {
        let scene = self.scene;
        scene.finish(&["status", "--check", "--deep", "--inactive"]);
        scene.finish(&["drift", "--all", "--inactive"]);
        let health = scene.finish(&["health", "--deep", "-o", "json"]).json();
        let findings = health["findings"].as_array().cloned().unwrap_or_default();
        for finding in findings {
            let check = finding["check"].as_str().unwrap_or_default();
            if finding["severity"] == "critical" || !is_of_the_load(check) {
                scene.wrong(format!("health: {check}: {}", finding["summary"]));
            }
        }
        let Some(schema) = random
            .pick(&self.lines("SELECT schema_name FROM tenants ORDER BY 1"))
            .cloned()
        else {
            return;
        };
        let judge = Judge::new(scene.fleet.database.url());
        let differences = judge.differences("tenant_template", &schema);
        if !differences.is_empty() {
            scene.wrong(format!("pg_dump: {schema} is not the template: {differences:?}"));
        }
    }

    /// All files are whole, and one comes back as it was.
    fn backups(&self, random: &mut Random) {
        let folder = self.scene.fleet.folder().join("backups");
        let list = self.scene.finish(&["list-backups", "-o", "json"]).json();
        let rows = list["backups"].as_array().cloned().unwrap_or_default();
        let of = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let mut listed = Vec::new();
        for row in &rows {
            let (slug, file) = (of(row, "slug"), of(row, "file"));
            if !row["problem"].is_null() {
                self.scene.wrong(format!("backup {file}: {}", row["problem"]));
            }
            let is_needed = self
                .scene
                .ledger
                .accounts()
                .get(&slug)
                .is_some_and(|account| !account.is_absent(Absence::ForGood));
            match is_needed {
                true => listed.push(format!("backups/{file}")),
                // Nobody will want it back.
                false => fs::remove_file(folder.join(&file)).expect("removed"),
            }
        }
        let there = files(&folder)
            .iter()
            .filter(|name| name.ends_with(".zst"))
            .count();
        if there != listed.len() {
            self.scene
                .wrong(format!("{there} backups are there, and {listed:?} listed"));
        }
        if !listed.is_empty() {
            let named: Vec<&str> = listed.iter().map(String::as_str).collect();
            self.scene.finish(&[&["verify"], &named[..]].concat());
        }
        if let Some(file) = random.pick(&listed) {
            self.scene.finish(&["verify", "--restore", file]);
        }
    }

    /// Nothing is left of what was killed: no session, lock, schema or file.
    fn leftovers(&self) {
        self.scene.fleet.database.nobody_is_left();
        for (what, sql) in [
            (
                "advisory locks",
                "SELECT string_agg(objid::text, ', ') FROM pg_locks WHERE locktype = 'advisory'",
            ),
            (
                "prepared transactions",
                "SELECT string_agg(gid, ', ') FROM pg_prepared_xacts",
            ),
            (
                "schemas of the program's own",
                "SELECT string_agg(nspname, ', ') FROM pg_namespace WHERE nspname LIKE 'tenantctl%'",
            ),
            (
                "temporary relations",
                "SELECT string_agg(relname, ', ') FROM pg_class WHERE relpersistence = 't'",
            ),
            (
                "archives of tenants that are still open",
                "SELECT string_agg(file, ', ') FROM tenant_archives WHERE is_open AND tenant_id IN (SELECT id FROM tenants)",
            ),
        ] {
            self.expect(what, sql, "");
        }
        let folder = self.scene.fleet.folder();
        let expected = ["archive", "backups", "retention.toml", "sql", "tenantctl.toml"];
        let strangers: Vec<String> = files(folder)
            .into_iter()
            .filter(|name| !expected.contains(&name.as_str()))
            .collect();
        self.nothing("files beside those of the configuration", &strangers);
        let strangers: Vec<String> = files(&folder.join("backups"))
            .into_iter()
            .filter(|name| {
                !name.ends_with(".sql.zst") && !["index.json", ".index.json.lock"].contains(&name.as_str())
            })
            .collect();
        self.nothing("files that are no backups", &strangers);
        let known: BTreeSet<String> = self
            .lines("SELECT file FROM tenant_archives")
            .into_iter()
            .collect();
        let archive = folder.join("archive");
        let strangers: Vec<String> = files(&archive)
            .iter()
            .flat_map(|slug| {
                let names = files(&archive.join(slug));
                names.into_iter().map(move |name| format!("{slug}/{name}"))
            })
            .filter(|file| !known.contains(file))
            .collect();
        self.nothing("archives that the registry does not know", &strangers);
    }

    fn nothing(&self, what: &str, found: &[String]) {
        if !found.is_empty() {
            self.scene.wrong(format!("{what}: {}", shown(found)));
        }
    }
}

/// Checks that find what an hour of work does to a small server, and nothing that tenants have to do with.
fn is_of_the_load(check: &str) -> bool {
    [
        "autovacuum-workers",
        "catalog-bloat",
        "dead-rows",
        "drift-unknown",
        "idle-connections",
        "index-unused",
        "latency",
        "never-vacuumed",
        "slow-statement",
    ]
    .contains(&check)
}

/// The names of the files in a folder that may not be there.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn shown<T: Debug>(all: &[T]) -> String {
    let more = if all.len() > SHOWN { " …" } else { "" };
    format!("{:?}{more}", &all[..all.len().min(SHOWN)])
}
