//! Random schemas are cloned faithfully. A failure prints the seed and the SQL; `TENANTCTL_TEST_SEED` makes it again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{generator, server_with_roles};
use crate::support::{Database, Judge, client, psql, run_script, variable};

/// The key that names the template, and the schemas of tenants beside it.
fn config(template: &str) -> String {
    format!("[tenants]\ntemplate = \"{template}\"\nprefix = \"copy_\"\n")
}

/// Schemas in one run, and in one database.
const SCHEMAS: u64 = 304;
const IN_ONE_DATABASE: u64 = 16;
const THREADS: usize = 2;
const ROLE: &str = "generated_reader";

/// How a template is copied.
enum Copier {
    Program,
    PgDump,
}

/// Statements and how many of them failed.
#[derive(Default)]
struct Counts {
    all: AtomicUsize,
    failed: AtomicUsize,
}

/// Runs what it can of a script, and says how many statements failed.
fn run_what_works(url: &str, file: &Path, schema: &str) -> usize {
    let output = client("psql")
        .args([url, "-XAtq", "-v", "ON_ERROR_ROLLBACK=1"])
        .args(["-c", "SET client_min_messages = error", "-c", "BEGIN"])
        .args(["-c", &format!("CREATE SCHEMA {schema}")])
        .args(["-c", &format!("SET search_path = {schema}"), "-f"])
        .arg(file)
        .args(["-c", "COMMIT"])
        .output()
        .expect("psql is installed with the server");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.matches("ERROR: ").count()
}

/// Makes the schemas of some seeds in a database of their own, copies and judges them.
fn judged(seeds: std::ops::Range<u64>, copier: &Copier, counts: &Counts) -> Vec<String> {
    let database = Database::on(server_with_roles());
    let folder = tempfile::tempdir().expect("a folder");
    let mut made = Vec::new();
    for seed in seeds {
        let (original, copy) = (format!("template_{seed}"), format!("copy_{seed}"));
        let sql = generator::statements(seed, &original, ROLE);
        let file = folder.path().join("script.sql");
        fs::write(&file, &sql).expect("written");
        counts
            .all
            .fetch_add(sql.matches(";\n").count(), Ordering::Relaxed);
        let failed = run_what_works(database.url(), &file, &original);
        counts.failed.fetch_add(failed, Ordering::Relaxed);
        made.push((seed, original, copy, sql));
    }
    let mut wrong = Vec::new();
    for (number, (seed, original, copy, sql)) in made.iter().enumerate() {
        let said = match copier {
            Copier::Program => {
                fs::write(folder.path().join("tenantctl.toml"), config(original)).expect("written");
                if number == 0 {
                    database
                        .program()
                        .folder(folder.path())
                        .run(&["init", "--quiet"])
                        .success();
                }
                let slug = copy.strip_prefix("copy_").expect("it has a prefix");
                let run = database
                    .program()
                    .folder(folder.path())
                    .run(&["create", slug, "--quiet"]);
                if run.code == 0 { Ok(()) } else { Err(run.stderr) }
            }
            Copier::PgDump => {
                let dump = Judge::new(database.url()).dump(&[original]).expect("a dump");
                // Bodies that are text find what they call by the path, and pg_dump's is empty.
                let path = |schema: &str| format!("set_config('search_path', '{schema}', false)");
                let script = dump
                    .replace(original.as_str(), copy)
                    .replace(&path(""), &path(copy));
                run_script(database.url(), &script).map(drop)
            }
        };
        if let Err(said) = said {
            wrong.push(format!("seed {seed}: {said}\n{sql}"));
        }
    }
    let pairs: Vec<(&str, &str)> = made
        .iter()
        .map(|(_, original, copy, _)| (original.as_str(), copy.as_str()))
        .collect();
    let differences = Judge::new(database.url()).differences_of_all(&pairs);
    for ((seed, _, _, sql), differences) in made.iter().zip(differences) {
        if !differences.is_empty() && !wrong.iter().any(|one| one.starts_with(&format!("seed {seed}:"))) {
            wrong.push(format!("seed {seed}:\n{}\n{sql}", differences.join("\n")));
        }
    }
    wrong
}

/// Judges the schemas of these seeds on all threads.
fn expect_faithful(seeds: std::ops::Range<u64>, copier: &Copier) {
    let role = format!(
        "DO $$ BEGIN CREATE ROLE {ROLE}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    psql(&server_with_roles().url("postgres"), &role).expect("a role");
    let (next, counts) = (AtomicU64::new(seeds.start), Counts::default());
    let work = || {
        let mut wrong = Vec::new();
        loop {
            let from = next.fetch_add(IN_ONE_DATABASE, Ordering::Relaxed);
            if from >= seeds.end || wrong.len() > 3 {
                return wrong;
            }
            wrong.extend(judged(
                from..seeds.end.min(from + IN_ONE_DATABASE),
                copier,
                &counts,
            ));
        }
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("it ends"))
            .collect()
    });
    let seeds_of: Vec<&str> = wrong.iter().filter_map(|one| one.split(':').next()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} random schemas differ ({}):\n{}",
        wrong.len(),
        seeds.end - seeds.start,
        seeds_of.join(", "),
        wrong[0]
    );
    let (all, failed) = (counts.all.into_inner(), counts.failed.into_inner());
    assert!(
        failed * 5 < all,
        "{failed} of {all} statements of the generator failed"
    );
}

#[test]
fn random_schemas_are_cloned_faithfully() {
    let seeds = match variable("TENANTCTL_TEST_SEED") {
        Some(seed) => {
            let seed = seed.parse().expect("TENANTCTL_TEST_SEED is a number");
            seed..seed + 1
        }
        None => 0..SCHEMAS,
    };
    expect_faithful(seeds, &Copier::Program);
}

/// The generator on trial: what it makes is what `pg_dump` can copy, so a difference above is ours.
#[test]
fn pg_dump_itself_copies_random_schemas() {
    expect_faithful(1000..1000 + IN_ONE_DATABASE, &Copier::PgDump);
}

#[test]
fn the_same_seed_gives_the_same_schema() {
    assert_eq!(
        generator::statements(7, "s", "r"),
        generator::statements(7, "s", "r")
    );
    assert_ne!(
        generator::statements(7, "s", "r"),
        generator::statements(8, "s", "r")
    );
}
