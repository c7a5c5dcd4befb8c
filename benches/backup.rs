//! Backups of many small tenants beside a loop of `pg_dump`, and of a large one beside `COPY` through zstd and
//! `pg_restore`, measured in the same run.

#[expect(dead_code, reason = "not every benchmark needs all of it")]
mod support;

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Duration;

use self::support::{Server, Verdict, floor, judge, median, median_of, run, say};

const JOBS: &str = "4";
/// How many tenants `pg_dump` is asked for: its time per tenant does not depend on how many are asked for.
const DUMPED: usize = 12;
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let server = Server::start(&[("max_locks_per_transaction", "512"), ("max_wal_size", "4GB")]);
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().to_str().expect("UTF-8").to_owned();
    run(server.tenantctl().arg("init"));
    create(&server, 0, 100);
    server.vacuum_catalogs();
    let few = median((0..ROUNDS).map(|_| backup_all(&server, &dir) / 100).collect());
    create(&server, 100, 1000);
    server.vacuum_catalogs();
    let mut ratios = Vec::new();
    let mut many = Duration::ZERO;
    // What was made is on the disk before anything is measured.
    floor(&server.url(), 1, 1, |_| "CHECKPOINT".to_owned());
    for _ in 0..ROUNDS {
        many = backup_all(&server, &dir) / 1000;
        let dumps = dump_loop(&server, &dir) / u32::try_from(DUMPED).expect("a few");
        say(&format!("backup: {many:?} a tenant, pg_dump: {dumps:?}"));
        ratios.push(dumps.as_secs_f64() / many.as_secs_f64());
    }
    run(server.psql().args([
        "-c",
        "CREATE TABLE tenant_b0.large (id bigint PRIMARY KEY, name text, at timestamptz, amount numeric); \
         INSERT INTO tenant_b0.large SELECT n, md5(n::text), now() + n * interval '1 s', n / 7.0 \
         FROM generate_series(1, 1000000) n; CREATE INDEX ON tenant_b0.large (at)",
        "-c",
        "VACUUM ANALYZE tenant_b0.large",
    ]));
    let (mut taking, mut restoring) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        taking.push(take_large(&server, &dir));
        restoring.push(restore_large(&server, &dir));
    }
    create(&server, 1000, 5000);
    server.vacuum_catalogs();
    let most = median((0..ROUNDS).map(|_| backup_all(&server, &dir) / 5000).collect());
    say(&format!(
        "a tenant of 100: {few:?}, of 1,000: {many:?}, of 5,000: {most:?}"
    ));
    judge(vec![
        Verdict {
            name: "backup of 1,000 tenants, times faster than pg_dump",
            figure: median_of(ratios),
            bound: 20.0,
            unit: "",
            at_least: true,
        },
        at_most(
            "backup of a million rows, to COPY through zstd",
            median_of(taking),
            1.1,
        ),
        at_most(
            "restore of a million rows, to pg_restore",
            median_of(restoring),
            1.15,
        ),
        at_most(
            "a tenant of 5,000, to one of 100",
            most.as_secs_f64() / few.as_secs_f64(),
            1.2,
        ),
    ])
}

fn at_most(name: &'static str, figure: f64, bound: f64) -> Verdict {
    Verdict {
        name,
        figure,
        bound,
        unit: "",
        at_least: false,
    }
}

fn create(server: &Server, from: usize, to: usize) {
    let slugs: Vec<String> = (from..to).map(|number| format!("b{number}")).collect();
    for slugs in slugs.chunks(500) {
        run(server.tenantctl().args(["create", "--quiet"]).args(slugs));
    }
}

fn backup_all(server: &Server, dir: &str) -> Duration {
    run(server.tenantctl().args([
        "backup", "--all", "--quiet", "--jobs", JOBS, "--keep", "1", "--dir", dir,
    ]))
}

/// So many dumps, as many at a time as backups.
fn dump_loop(server: &Server, dir: &str) -> Duration {
    let schemas: String = (0..DUMPED).map(|number| format!("tenant_b{number}\n")).collect();
    let script = format!(
        "printf '{schemas}' | xargs -P {JOBS} -I{{}} pg_dump '{}' -n {{}} -Z 3 -f '{dir}/{{}}.sql.gz'",
        server.url()
    );
    run(Command::new("sh").args(["-c", &script]))
}

/// The time of a backup as a ratio to that of the rows alone.
fn take_large(server: &Server, dir: &str) -> f64 {
    let ours = run(server.tenantctl().args(["backup", "b0", "--quiet", "--dir", dir]));
    let script = format!(
        "psql '{}' -Xqc 'COPY tenant_b0.large TO STDOUT' | zstd -q -3 -f -o '{dir}/floor.zst' && sync '{dir}/floor.zst'",
        server.url()
    );
    let floor = run(Command::new("bash").args(["-o", "pipefail", "-c", &script]));
    say(&format!("a million rows: {ours:?}, COPY through zstd: {floor:?}"));
    ours.as_secs_f64() / floor.as_secs_f64()
}

fn restore_large(server: &Server, dir: &str) -> f64 {
    let newest = fs::read_dir(dir)
        .expect("readable")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains("/b0-"))
        .max()
        .expect("a backup");
    let dump = format!("{dir}/b0.dump");
    let url = server.url();
    run(Command::new("pg_dump").args([&url, "-n", "tenant_b0", "-Fc", "-f", &dump]));
    run(server
        .psql()
        .args(["-c", "ALTER SCHEMA tenant_b0 RENAME TO kept"]));
    let floor = run(Command::new("pg_restore").args(["-d", &url, &dump]));
    run(server.psql().args([
        "-c",
        "DROP SCHEMA tenant_b0 CASCADE",
        "-c",
        "ALTER SCHEMA kept RENAME TO tenant_b0",
    ]));
    let ours = run(server
        .tenantctl()
        .args(["restore", "--quiet", "--as", "restored"])
        .arg(&newest));
    run(server
        .tenantctl()
        .args(["drop", "restored", "--yes", "--quiet", "--no-backup"]));
    say(&format!(
        "restore of a million rows: {ours:?}, pg_restore: {floor:?}"
    ));
    ours.as_secs_f64() / floor.as_secs_f64()
}
