//! What every test stands on: a real server, a database of its own, and the real binary.

mod database;
mod fleet;
mod holder;
mod judge;
mod pgbouncer;
mod program;
mod proxy;
mod random;
mod server;
mod terminal;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tenantctl::db::local::Binaries;
use tokio_postgres::SimpleQueryMessage;

pub(crate) use self::database::Database;
pub(crate) use self::fleet::Fleet;
pub(crate) use self::holder::Holder;
pub(crate) use self::judge::Judge;
pub(crate) use self::pgbouncer::PgBouncer;
pub(crate) use self::program::{Program, Run};
pub(crate) use self::proxy::Proxy;
pub(crate) use self::random::Random;
pub(crate) use self::server::Server;
pub(crate) use self::terminal::{terminal, visible};

/// The tests' own look at the environment; the program's is in its configuration.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told where the server is by a variable"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs SQL in a session of its own, and returns what psql would print: rows on lines, columns parted by `|`. It is the
/// driver that asks, since a program for each of the thousands of questions would take a fifth of the tests' time.
pub(crate) fn psql(url: &str, sql: &str) -> Result<String, String> {
    match url.parse::<tokio_postgres::Config>() {
        // Threads of tests may be in a runtime.
        Ok(config) if !url.contains("ssl") => std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(ask(&config, sql))
            });
            asked.join().expect("an answer").map_err(|error| words(&error))
        }),
        _ => psql_itself(url, sql),
    }
}

async fn ask(config: &tokio_postgres::Config, sql: &str) -> Result<String, tokio_postgres::Error> {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    let messages = client.simple_query(sql).await;
    drop(client);
    // The session is over when this returns.
    driver.await.expect("it ends").ok();
    let lines = messages?.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let values = (0..row.len()).map(|column| row.get(column).unwrap_or_default());
            Some(values.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    Ok(lines.collect::<Vec<_>>().join("\n").trim_end().to_owned())
}

fn words(error: &tokio_postgres::Error) -> String {
    let Some(said) = error.as_db_error() else {
        return error.to_string();
    };
    let mut words = format!("ERROR:  {}", said.message());
    for (name, more) in [("DETAIL", said.detail()), ("HINT", said.hint())] {
        if let Some(more) = more {
            words.push_str(&format!("\n{name}:  {more}"));
        }
    }
    words
}

/// One of PostgreSQL's own programs. What stands under its name on PATH may be a script that finds out which version is
/// meant, and takes longer for that than the program for its work.
pub(crate) fn client(name: &str) -> Command {
    static BINARIES: OnceLock<Option<Binaries>> = OnceLock::new();
    let binaries = BINARIES.get_or_init(|| Binaries::find(None, &variable).ok());
    let own = binaries.as_ref().map(|binaries| binaries.program(name));
    Command::new(own.filter(|own| own.exists()).unwrap_or_else(|| name.into()))
}

/// Runs a script with psql as its users do. What that says besides answers comes back.
pub(crate) fn run_script(url: &str, script: &str) -> Result<String, String> {
    let mut psql = client("psql")
        .args([url, "-Xq", "-v", "ON_ERROR_STOP=1", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql is installed with the server");
    let mut stdin = psql.stdin.take().expect("a pipe");
    // One that fails reads no further.
    stdin.write_all(script.as_bytes()).ok();
    drop(stdin);
    let output = psql.wait_with_output().expect("psql ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

fn psql_itself(url: &str, sql: &str) -> Result<String, String> {
    let output = client("psql")
        .args([url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql])
        .output()
        .expect("psql is installed with the server");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The rows of a file into which `cleanup` has put them, each a JSON object.
pub(crate) fn archived_rows(file: &Path) -> Vec<serde_json::Value> {
    let bytes = std::fs::read(file).expect("readable");
    let text = zstd::decode_all(bytes.as_slice()).expect("zstd");
    let text = String::from_utf8(text).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Sends a signal by the shell's own `kill`, which needs no package.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status();
    assert!(status.expect("a shell").success(), "no signal for {pid}");
}

/// Kills a process that may have ended by itself.
pub(crate) fn kill_if_there(pid: u32) {
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("kill -KILL {pid} 2> /dev/null || true")])
        .status();
    assert!(status.expect("a shell").success());
}

/// A folder in which the program finds this configuration.
pub(crate) fn configured(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tenantctl.toml"), text).expect("written");
    folder
}

/// Waits until something is so, as long as a machine that stands still now and then may need.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    const OFTEN: Duration = Duration::from_millis(20);
    // To look is work for the server, which has enough of it.
    const SELDOM: Duration = Duration::from_millis(160);
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut pause = OFTEN;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(SELDOM);
    }
}
