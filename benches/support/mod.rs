//! What the benchmarks stand on: a private server, the release binary, and medians.

use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tenantctl::db::local::{Binaries, Cluster, Folders, Owner, StopMode};

/// A durable private server that ends with the benchmark.
pub(crate) struct Server {
    cluster: Cluster,
    psql: std::path::PathBuf,
    pg_dump: std::path::PathBuf,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("tc-bench-")
            .tempdir_in("/tmp")
            .expect("a folder");
        open_to_all(folder.path());
        let binaries = Binaries::find(None, &variable).expect("PostgreSQL is installed");
        let [psql, pg_dump] = ["psql", "pg_dump"].map(|name| binaries.program(name));
        let folders = Folders::below(folder.path()).expect("a usable path");
        let owner = Owner::pick(None).expect("a user for the server");
        let mut cluster = Cluster::new(binaries, owner, folders);
        for (name, value) in settings {
            cluster = cluster.setting(*name, *value);
        }
        cluster.init_and_start().expect("the server starts");
        Self {
            cluster,
            psql,
            pg_dump,
            _folder: folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.cluster.folders.url("postgres")
    }

    pub(crate) fn url_of(&self, database: &str) -> String {
        self.cluster.folders.url(database)
    }

    /// The program on this server.
    pub(crate) fn tenantctl(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantctl"));
        command.env("DATABASE_URL", self.url());
        command
    }

    pub(crate) fn psql(&self) -> Command {
        self.psql_on("postgres")
    }

    /// What autovacuum does in time after so many changes to the catalogs.
    pub(crate) fn vacuum_catalogs(&self) {
        const VACUUM: &str = "SELECT 'VACUUM ANALYZE ' || string_agg(oid::regclass::text, ', ') FROM pg_class \
                              WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared";
        let vacuum = self.answer(VACUUM);
        run(self.psql().args(["-c", &vacuum]));
    }

    /// What the server answers, as psql prints it without any frame.
    pub(crate) fn answer(&self, sql: &str) -> String {
        let output = self
            .psql()
            .args(["-A", "-t", "-c", sql])
            .output()
            .expect("psql runs");
        assert!(
            output.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn psql_on(&self, database: &str) -> Command {
        let mut command = Command::new(&self.psql);
        command.args([
            self.url_of(database).as_str(),
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        command
    }

    /// A section of a schema's dump, as statements.
    pub(crate) fn dump(&self, schema: &str, section: &str) -> String {
        let output = Command::new(&self.pg_dump)
            .args(["--schema", schema, "--section", section, &self.url()])
            .output()
            .expect("pg_dump runs");
        assert!(output.status.success(), "pg_dump of {schema} failed");
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cluster.stop(StopMode::Immediate).ok();
    }
}

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) -> Duration {
    let started = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let elapsed = started.elapsed();
    let output = output.expect("the program runs");
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    elapsed
}

/// The least that a program can do for many tenants: one message each, over so many connections.
pub(crate) fn floor(url: &str, jobs: usize, count: usize, message: impl Fn(usize) -> String) -> Duration {
    let next = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let started = Instant::now();
    runtime.block_on(async {
        let worker = async || {
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                .await
                .expect("connects");
            let driver = tokio::spawn(connection);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                client.batch_execute(&message(number)).await.expect("done");
            }
            drop(client);
            driver.await.expect("ends").expect("ends well");
        };
        futures_util::future::join_all((0..jobs).map(|_| worker())).await;
    });
    started.elapsed()
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

pub(crate) fn median_of(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

#[expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The tenants of a round.
pub(crate) fn slugs(who: &str, round: usize, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{who}-{round}-{number}"))
        .collect()
}

fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark has no configuration of its own"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A figure beside its bound.
pub(crate) struct Verdict {
    pub(crate) name: &'static str,
    pub(crate) figure: f64,
    pub(crate) bound: f64,
    pub(crate) unit: &'static str,
    pub(crate) at_least: bool,
}

/// Prints the figures, and fails when one misses its bound.
#[expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]
pub(crate) fn judge(verdicts: Vec<Verdict>) -> ExitCode {
    let mut is_good = true;
    for verdict in verdicts {
        let Verdict {
            name,
            figure,
            bound,
            unit,
            at_least,
        } = verdict;
        let holds = if at_least {
            figure >= bound
        } else {
            figure <= bound
        };
        is_good &= holds;
        let (word, mark) = (
            if at_least { "at least" } else { "at most" },
            if holds { "" } else { "  MISSED" },
        );
        println!("{name:<52} {figure:8.2} {unit:<2} ({word} {bound}){mark}");
    }
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
