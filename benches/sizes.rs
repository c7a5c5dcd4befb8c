//! Sizes of a thousand tenants, exact and estimated, against the best single query over the catalogs that was found for
//! the same answer: for each table its schema and name, the bytes of table, indexes and TOAST, and its rows.

#[expect(dead_code, reason = "not every benchmark has a floor of messages")]
mod support;

use std::process::ExitCode;

use self::support::{Server, Verdict, judge, median, median_of, run, say};

const TENANTS: usize = 1_000;
const ROUNDS: usize = 7;

/// Every relation is opened once; four forks of a table are cheaper asked for one by one than with its TOAST twice.
const EXACT: &str = "SELECT n.nspname, c.relname, \
    pg_relation_size(c.oid) + pg_relation_size(c.oid, 'fsm') + pg_relation_size(c.oid, 'vm') \
    + pg_relation_size(c.oid, 'init'), pg_indexes_size(c.oid), pg_total_relation_size(c.reltoastrelid), c.reltuples \
    FROM public.tenants t JOIN pg_namespace n ON n.nspname = t.schema_name \
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'm')";

const ESTIMATED: &str = "SET jit = off; WITH indexes AS ( \
    SELECT indrelid, sum(relpages) AS pages FROM pg_index JOIN pg_class ON oid = indexrelid GROUP BY 1) \
    SELECT n.nspname, c.relname, c.relpages * 8192::bigint, own.pages * 8192, \
    (toast.relpages + of_toast.pages) * 8192, c.reltuples \
    FROM public.tenants t JOIN pg_namespace n ON n.nspname = t.schema_name \
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'm') \
    LEFT JOIN indexes own ON own.indrelid = c.oid \
    LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid \
    LEFT JOIN indexes of_toast ON of_toast.indrelid = toast.oid";

fn main() -> ExitCode {
    let server = Server::start(&[("max_locks_per_transaction", "512")]);
    run(server.tenantctl().arg("init"));
    let slugs: Vec<String> = (0..TENANTS).map(|number| format!("t{number}")).collect();
    run(server.tenantctl().args(["create", "--quiet"]).args(&slugs));
    run(server.psql().args(["-c", "VACUUM ANALYZE"]));
    let exact = compared(&server, "--exact", EXACT);
    let estimated = compared(&server, "--estimate", ESTIMATED);
    judge(vec![
        at_most("exact sizes of 9,000 tables, to one query in psql", exact, 1.1),
        at_most(
            "estimated sizes of 9,000 tables, to one query in psql",
            estimated,
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

/// The program's time as a ratio to that of one query. Both take turns.
fn compared(server: &Server, flag: &str, query: &str) -> f64 {
    let mut ratios = Vec::new();
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let floor = run(server.psql().args(["-A", "-t", "-c", query]));
        let our = run(server.tenantctl().args(["sizes", "--quiet", flag]));
        // The first round warms both up.
        if round > 0 {
            ratios.push(our.as_secs_f64() / floor.as_secs_f64());
            ours.push(our);
            floors.push(floor);
        }
    }
    let ms = |times| median(times).as_secs_f64() * 1000.0;
    say(&format!(
        "sizes {flag}: {:.0} ms, one query {:.0} ms",
        ms(ours),
        ms(floors)
    ));
    median_of(ratios)
}
