//! Demo data for many tenants and a great deal of it for one, against psql with the same SQL in the same run.
//!
//! The floor of many tenants is psql once for each, four at a time, in one transaction and with a hash that was made
//! before. Rounds of both take turns, each with tenants of its own.

#[expect(dead_code, reason = "not every benchmark needs all of it")]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use self::support::{Server, Verdict, judge, median_of, run, say, slugs};

const JOBS: usize = 4;
const BATCH: usize = 100;
const ROUNDS: usize = 3;
const UNTIL: &str = "2026-11-01";
const SQL: &str = include_str!("../fixtures/apps/metrics/seed.sql");
/// Of the right form; what it was made from nobody knows.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9yIG90aA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn main() -> ExitCode {
    let server = Server::start(&[("max_locks_per_transaction", "512")]);
    let files = tempfile::tempdir().expect("a folder");
    let sql = files.path().join("seed.sql");
    fs::write(&sql, SQL).expect("written");
    run(server.tenantctl().arg("init"));
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let [ours, floor] = ["ours", "floor"].map(|who| slugs(who, round, BATCH));
        for slugs in [&ours, &floor] {
            run(server.tenantctl().args(["create", "--quiet"]).args(slugs));
        }
        let our = run(seed(&server, 30, 5).arg("--into").args(&ours));
        let floor = by_psql(&server, &sql, &floor);
        say(&format!(
            "seed {BATCH} tenants: {:.2} s, psql {:.2} s",
            our.as_secs_f64(),
            floor.as_secs_f64()
        ));
        // The first round warms both up.
        if round > 0 {
            ratios.push(floor.as_secs_f64() / our.as_secs_f64());
        }
    }
    let large = large(&server, &sql);
    judge(vec![
        at_least("100 tenants of the default size, to psql", median_of(ratios), 0.9),
        at_least("a million rows in one tenant, to psql", large, 0.9),
    ])
}

fn at_least(name: &'static str, figure: f64, bound: f64) -> Verdict {
    Verdict {
        name,
        figure,
        bound,
        unit: "",
        at_least: true,
    }
}

fn seed(server: &Server, days: u32, users: u32) -> Command {
    let mut command = server.tenantctl();
    command.env("SEED_ADMIN_PASSWORD", "correct horse battery staple");
    command.args(["seed", "--quiet", "--jobs", &JOBS.to_string(), "--until", UNTIL]);
    command.args(["--days", &days.to_string(), "--users", &users.to_string()]);
    command
}

fn psql(server: &Server, sql: &Path, slug: &str, days: u32, users: u32) -> Command {
    let mut command = server.psql();
    let values = [
        format!("days={days}"),
        format!("users={users}"),
        "seed=1".to_owned(),
        format!("until={UNTIL}"),
        format!("tenant={slug}"),
        "plan=basic".to_owned(),
        format!("password_hash={HASH}"),
    ];
    for value in values {
        command.args(["-v", &value]);
    }
    let schema = format!("tenant_{}", slug.replace('-', "_"));
    command.args(["-1", "-c", &format!("SET LOCAL search_path = {schema}")]);
    command.arg("-f").arg(sql);
    command
}

fn by_psql(server: &Server, sql: &Path, slugs: &[String]) -> Duration {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                while let Some(slug) = slugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(&mut psql(server, sql, slug, 30, 5));
                }
            });
        }
    });
    started.elapsed()
}

/// One tenant with a million rows.
fn large(server: &Server, sql: &Path) -> f64 {
    const DAYS: u32 = 400;
    const USERS: u32 = 225;
    let [ours, floor] = ["big-ours", "big-floor"];
    run(server.tenantctl().args(["create", "--quiet", ours, floor]));
    let our = run(seed(server, DAYS, USERS).args(["--into", ours]));
    // What is left to be written is nobody's fault.
    run(server.psql().args(["-c", "CHECKPOINT"]));
    let floor = run(&mut psql(server, sql, floor, DAYS, USERS));
    say(&format!(
        "seed one tenant, {DAYS} days, {USERS} users: {:.1} s, psql {:.1} s",
        our.as_secs_f64(),
        floor.as_secs_f64()
    ));
    floor.as_secs_f64() / our.as_secs_f64()
}
