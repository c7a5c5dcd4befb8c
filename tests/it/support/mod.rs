//! What every test stands on: a real server, a database of its own, and the real binary.

mod database;
mod fleet;
mod judge;
mod pgbouncer;
mod program;
mod proxy;
mod server;

pub(crate) use self::database::Database;
pub(crate) use self::fleet::Fleet;
pub(crate) use self::judge::Judge;
pub(crate) use self::pgbouncer::PgBouncer;
pub(crate) use self::program::{Program, Run};
pub(crate) use self::proxy::Proxy;
pub(crate) use self::server::Server;

/// The tests' own look at the environment; the program's is in its configuration.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told where the server is by a variable"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs psql, a client that is not ours, and returns what it prints: rows on lines, columns parted by `|`.
pub(crate) fn psql(url: &str, sql: &str) -> Result<String, String> {
    let output = std::process::Command::new("psql")
        .args([url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql])
        .output()
        .expect("psql is installed with the server");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Sends a signal by the shell's own `kill`, which needs no package.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status();
    assert!(status.expect("a shell").success(), "no signal for {pid}");
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
