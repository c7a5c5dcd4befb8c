//! `tenantctl list` as a whole process, against psql with the query that it stands for.
//!
//! Both run in turn on one warm private server, so that the ratio holds when the machine's speed drifts. The bound is
//! the project's own; a ratio above it is printed as such and ends the run with an error.

mod support;

use std::process::ExitCode;
use std::time::Duration;

use self::support::{Server, Verdict, judge, median, median_of, run};

const ROUNDS: usize = 60;
const WARM_UP: usize = 5;
const TENANTS: usize = 100;
const BOUND: f64 = 2.5;

#[expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]
fn main() -> ExitCode {
    let server = Server::start(&[]);
    let slugs = (0..TENANTS).map(|number| format!("tenant-{number}"));
    run(server.tenantctl().arg("init"));
    run(server.tenantctl().arg("create").args(slugs));

    let mut ratios = Vec::new();
    let mut times: [Vec<Duration>; 2] = Default::default();
    for round in 0..ROUNDS + WARM_UP {
        let list = run(server.tenantctl().arg("list"));
        let floor = run(server.psql().args(["-c", "select * from tenants"]));
        if round >= WARM_UP {
            ratios.push(list.as_secs_f64() / floor.as_secs_f64());
            times[0].push(list);
            times[1].push(floor);
        }
    }
    let ratio = median_of(ratios);
    let [list, floor] = times.map(median);
    println!("list of {TENANTS} tenants, whole process, median of {ROUNDS} pairs");
    println!("  tenantctl list   {:6.2} ms", list.as_secs_f64() * 1000.0);
    println!("  psql -c select   {:6.2} ms", floor.as_secs_f64() * 1000.0);
    judge(vec![Verdict {
        name: "list to psql with its query",
        figure: ratio,
        bound: BOUND,
        unit: "",
        at_least: false,
    }])
}
