//! Deleting the old half of many tables beside a plain DELETE for each, and what an application notices of it.
//!
//! The floor is one DELETE a tenant, four at a time. The application updates rows of the tables that are cleaned, one
//! after the other on one connection; its rate alone and its rate beside `cleanup --jobs 1` are taken in turns.

#[expect(dead_code, reason = "not every benchmark needs all of it")]
mod support;

use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use self::support::{Server, Verdict, floor, judge, median_of, run, say, slugs};

const JOBS: usize = 4;
const TENANTS: usize = 100;
const ROWS: usize = 20_000;
const ROUNDS: usize = 3;
const TEMPLATE: &str = "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                        kind text NOT NULL, at timestamptz NOT NULL, seen integer NOT NULL DEFAULT 0); \
                        CREATE INDEX events_at_idx ON events (at)";
/// Half of them older than thirty days, in the order of time. The next would be due half a day later.
const FILL: &str = "INSERT INTO events (kind, at) SELECT 'kind ' || n % 20, \
                    now() - interval '30 days' + (n - {half}) * interval '1 minute' \
                    + CASE WHEN n > {half} THEN interval '12 hours' ELSE interval '0' END FROM generate_series(1, {rows}) n";

fn main() -> ExitCode {
    let server = Server::start(&[("max_locks_per_transaction", "512")]);
    let files = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(files.path().join("template")).expect("a folder");
    std::fs::write(files.path().join("template/V1__events.sql"), TEMPLATE).expect("written");
    let config = files.path().join("tenantctl.toml");
    std::fs::write(
        &config,
        format!(
            "[template]\nmigrations = \"{}\"\n\
             [[retention.policy]]\nname = \"events\"\ntable = \"events\"\ncolumn = \"at\"\nmax_fraction = 1.0\n",
            files.path().join("template").display()
        ),
    )
    .expect("written");
    let tenantctl = || {
        let mut command = server.tenantctl();
        command.arg("--config").arg(&config);
        command
    };
    run(tenantctl().arg("init"));

    let mut ratios = Vec::new();
    let mut longest = Duration::ZERO;
    for round in 0..=ROUNDS {
        let [ours, plain] = ["ours", "plain"].map(|who| slugs(who, round, TENANTS));
        for slugs in [&ours, &plain] {
            run(tenantctl().args(["create", "--quiet"]).args(slugs));
            fill(&server, slugs);
        }
        let watch = Watch::start(&server);
        let our = run(tenantctl()
            .args(["cleanup", "--quiet", "--days", "30", "--jobs", &JOBS.to_string()])
            .args(&ours));
        longest = longest.max(watch.longest());
        // It costs the floor as much to be watched.
        let watch = Watch::start(&server);
        let floor = floor(&server.url(), JOBS, TENANTS, |number| {
            format!(
                "DELETE FROM {}.events WHERE at < now() - interval '30 days'",
                schema(&plain[number])
            )
        });
        watch.longest();
        assert_eq!(
            left(&server, &ours),
            left(&server, &plain),
            "the same rows are left"
        );
        say(&format!(
            "cleanup of {TENANTS} tenants: {:.2} s, plain DELETE {:.2} s",
            our.as_secs_f64(),
            floor.as_secs_f64()
        ));
        // The first round warms both up.
        if round > 0 {
            ratios.push(floor.as_secs_f64() / our.as_secs_f64());
        }
    }
    let kept = application(&server, &mut || tenantctl());
    judge(vec![
        Verdict {
            name: "cleanup, speed to plain DELETE",
            figure: median_of(ratios),
            bound: 0.8,
            unit: "",
            at_least: true,
        },
        Verdict {
            name: "longest transaction of cleanup",
            figure: longest.as_secs_f64() * 1000.0,
            bound: 250.0,
            unit: "ms",
            at_least: false,
        },
        Verdict {
            name: "an application's rate beside cleanup, to alone",
            figure: kept,
            bound: 0.9,
            unit: "",
            at_least: true,
        },
    ])
}

fn schema(slug: &str) -> String {
    format!("tenant_{}", slug.replace('-', "_"))
}

fn fill(server: &Server, slugs: &[String]) {
    let sql = FILL
        .replace("{half}", &(ROWS / 2).to_string())
        .replace("{rows}", &ROWS.to_string());
    floor(&server.url(), JOBS, slugs.len(), |number| {
        format!("SET search_path = {}; {sql}", schema(&slugs[number]))
    });
    run(server.psql().args(["-c", "VACUUM ANALYZE", "-c", "CHECKPOINT"]));
}

/// How many rows the tenants have together.
fn left(server: &Server, slugs: &[String]) -> String {
    let counts: Vec<String> = slugs
        .iter()
        .map(|slug| format!("(SELECT count(*) FROM {}.events)", schema(slug)))
        .collect();
    let output = server
        .psql()
        .args(["-Atc", &format!("SELECT {}", counts.join(" + "))])
        .output()
        .expect("psql runs");
    String::from_utf8(output.stdout).expect("text")
}

/// Looks every few milliseconds for how long transactions of `cleanup` that write have been open.
struct Watch(Child);

impl Watch {
    fn start(server: &Server) -> Self {
        const LOOK: &str = "SELECT (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::int \
                            FROM pg_stat_activity WHERE application_name LIKE 'tenantctl cleanup%' \
                            AND backend_xid IS NOT NULL ORDER BY 1 DESC LIMIT 1 \\watch 0.02";
        let mut psql = server.psql();
        psql.arg("-At").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = psql.spawn().expect("psql runs");
        let mut stdin = child.stdin.take().expect("piped");
        std::io::Write::write_all(&mut stdin, LOOK.as_bytes()).expect("written");
        Self(child)
    }

    fn longest(mut self) -> Duration {
        self.0.kill().expect("killed");
        let output = self.0.wait_with_output().expect("ended");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let longest = text.lines().filter_map(|line| line.parse().ok()).max();
        Duration::from_millis(longest.unwrap_or_default())
    }
}

/// The part of its rate that an application keeps while its tables are cleaned by one job.
fn application(server: &Server, tenantctl: &mut dyn FnMut() -> Command) -> f64 {
    let mut kept = Vec::new();
    for round in 0..ROUNDS {
        let slugs = slugs("app", round, TENANTS);
        run(tenantctl().args(["create", "--quiet"]).args(&slugs));
        fill(server, &slugs);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (alone, beside) = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls)
                .await
                .expect("connects");
            tokio::spawn(connection);
            let mut number = 0;
            let mut cleanup = None;
            let mut rate = async |command: Option<Command>| {
                if let Some(mut command) = command {
                    command.stdout(Stdio::null()).stderr(Stdio::null());
                    cleanup = Some(command.spawn().expect("the program runs"));
                }
                let started = Instant::now();
                let mut updates = 0_u32;
                let is_over = |cleanup: &mut Option<Child>| match cleanup {
                    Some(child) => child.try_wait().expect("waited").is_some(),
                    None => started.elapsed() > Duration::from_secs(3),
                };
                while !is_over(&mut cleanup) {
                    number += 1;
                    // Rows that stay, of all tenants in turn.
                    let (tenant, row) = (number % TENANTS, ROWS / 2 + 1 + number * 7 % (ROWS / 2 - 10));
                    let sql = format!(
                        "UPDATE {}.events SET seen = seen + 1 WHERE id = {row}",
                        schema(&slugs[tenant])
                    );
                    client.batch_execute(&sql).await.expect("done");
                    updates += 1;
                }
                f64::from(updates) / started.elapsed().as_secs_f64()
            };
            rate(None).await;
            let alone = rate(None).await;
            let mut command = tenantctl();
            command
                .args(["cleanup", "--quiet", "--days", "30", "--jobs", "1"])
                .args(&slugs);
            (alone, rate(Some(command)).await)
        });
        say(&format!(
            "updates a second: {alone:.0} alone, {beside:.0} beside cleanup"
        ));
        kept.push(beside / alone);
    }
    median_of(kept)
}
