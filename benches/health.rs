//! The health of a thousand tenants as a whole process, against one question to the catalogs that psql asks.

#[expect(dead_code, reason = "other benchmarks stand on it too")]
mod support;

use std::process::ExitCode;

use self::support::{Server, Verdict, judge, median, median_of, run};

const TENANTS: usize = 1000;
const ROUNDS: usize = 7;

/// What anybody who wants to know a thing about every index has to read.
const QUESTION: &str = "SELECT n.nspname, own.relname, c.relname, pg_stat_get_numscans(c.oid) FROM pg_index i \
                        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class own ON own.oid = i.indrelid \
                        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'tenant%'";

#[expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]
fn main() -> ExitCode {
    let server = Server::start(&[("max_locks_per_transaction", "256")]);
    run(server.tenantctl().args(["init", "--quiet"]));
    let slugs: Vec<String> = (0..TENANTS).map(|number| format!("health-{number}")).collect();
    run(server.tenantctl().args(["create", "--quiet"]).args(&slugs));
    run(server.psql().args(["-c", "VACUUM ANALYZE"]));
    let (mut ratios, mut ours, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let floor = run(server.psql().args(["-c", QUESTION]));
        let our = run(server.tenantctl().args(["health", "--quiet"]));
        // The first round warms both up.
        if round > 0 {
            ratios.push(our.as_secs_f64() / floor.as_secs_f64());
            ours.push(our);
            floors.push(floor);
        }
    }
    let ours = median(ours).as_secs_f64();
    println!(
        "health of {TENANTS}: {:.0} ms, psql with one question {:.0} ms",
        ours * 1000.0,
        median(floors).as_secs_f64() * 1000.0
    );
    judge(vec![
        Verdict {
            name: "health of 1,000 tenants, whole process",
            figure: ours,
            bound: 1.5,
            unit: "s",
            at_least: false,
        },
        Verdict {
            name: "health of 1,000 tenants to one question of psql",
            figure: median_of(ratios),
            bound: 3.0,
            unit: "",
            at_least: false,
        },
    ])
}
