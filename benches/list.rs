//! `tenantctl list` as a whole process, against psql with the query that it stands for.
//!
//! Both run in turn on one warm private server, so that the ratio holds when the machine's speed drifts. The bound is
//! the project's own; a ratio above it is printed as such and ends the run with an error.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use tenantctl::db::local::{Binaries, Cluster, Folders, Owner, StopMode};

const ROUNDS: usize = 60;
const WARM_UP: usize = 5;
const TENANTS: usize = 100;
const BOUND: f64 = 2.5;

#[expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]
fn main() -> ExitCode {
    let folder = tempfile::Builder::new()
        .prefix("tc-bench-")
        .tempdir_in("/tmp")
        .expect("a folder");
    open_to_all(folder.path());
    let binaries = Binaries::find(None, &variable).expect("PostgreSQL is installed");
    let psql = binaries.program("psql");
    let folders = Folders::below(folder.path()).expect("a usable path");
    let cluster = Cluster::new(
        binaries,
        Owner::pick(None).expect("a user for the server"),
        folders,
    )
    .throwaway();
    cluster.init_and_start().expect("the server starts");
    let url = cluster.folders.url("postgres");

    let ours = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantctl"));
        command.env("DATABASE_URL", &url);
        command
    };
    let slugs = (0..TENANTS).map(|number| format!("tenant-{number}"));
    run(ours().arg("init"));
    run(ours().arg("create").args(slugs));

    let mut ratios = Vec::new();
    let mut times: [Vec<Duration>; 2] = Default::default();
    for round in 0..ROUNDS + WARM_UP {
        let list = run(ours().arg("list"));
        let floor = run(Command::new(&psql).args([url.as_str(), "-X", "-c", "select * from tenants"]));
        if round >= WARM_UP {
            ratios.push(list.as_secs_f64() / floor.as_secs_f64());
            times[0].push(list);
            times[1].push(floor);
        }
    }
    cluster.stop(StopMode::Immediate).expect("the server stops");

    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    let [list, floor] = times.map(median);
    println!("list of {TENANTS} tenants, whole process, median of {ROUNDS} pairs");
    println!("  tenantctl list   {:6.2} ms", list.as_secs_f64() * 1000.0);
    println!("  psql -c select   {:6.2} ms", floor.as_secs_f64() * 1000.0);
    println!("  ratio            {ratio:6.2}     (bound {BOUND})");
    if ratio <= BOUND {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn run(command: &mut Command) -> Duration {
    let started = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("the program runs").success(), "{command:?} failed");
    started.elapsed()
}

fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark has no configuration of its own"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
