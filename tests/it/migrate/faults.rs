//! Killing whatever takes part, at any moment: every schema is before or after each migration, what is said of it is
//! true, and the next run finishes the job.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::{Database, Fleet, Proxy, Random, Run, Server, kill_if_there, psql, variable};

/// The migrations of a round. Each leaves something to be found by [`AGREES`].
const FILES: [(&str, &str); 5] = [
    ("V2__phone.sql", "ALTER TABLE customers ADD COLUMN phone text;"),
    (
        "V3__notes.sql",
        "CREATE TABLE notes (id int PRIMARY KEY, customer int REFERENCES customers, note text);\n\
         INSERT INTO customers (id, name) SELECT n, repeat('x', 400) FROM generate_series(1, 50) n;",
    ),
    (
        "V4__by_amount.sql",
        "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY by_amount ON orders (amount);",
    ),
    (
        "V5__notes.sql",
        "INSERT INTO notes SELECT id, id, name FROM customers;\nALTER TABLE notes ADD COLUMN at timestamptz DEFAULT now();",
    ),
    (
        "V6__by_customer.sql",
        "CREATE INDEX by_customer ON notes (customer);",
    ),
];

/// Every schema with what its history says was applied, what is really there, and what the registry has.
const STATE: &str = r"
SELECT n.nspname,
       (xpath('/row/v/text()', query_to_xml(format(
           'SELECT string_agg(version::text, '','' ORDER BY version) AS v FROM %I.refinery_schema_history', n.nspname),
           false, true, '')))[1]::text AS history,
       concat_ws(',', '1',
           CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(n.nspname || '.customers') AND attname = 'phone') THEN 2 END,
           CASE WHEN to_regclass(n.nspname || '.notes') IS NOT NULL THEN 3 END,
           CASE WHEN EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(n.nspname || '.by_amount') AND indisvalid) THEN 4 END,
           CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(n.nspname || '.notes') AND attname = 'at') THEN 5 END,
           CASE WHEN to_regclass(n.nspname || '.by_customer') IS NOT NULL THEN 6 END) AS there,
       EXISTS (SELECT FROM tenant_unfinished_migrations u WHERE u.schema_name = n.nspname) AS unfinished,
       coalesce(t.schema_version::text, '') AS version,
       coalesce((SELECT string_agg(r.outcome, ',') FROM tenant_operation_results r JOIN tenant_operations o ON o.id = r.operation_id
                 WHERE o.command = 'migrate' AND r.slug = t.slug AND r.outcome = 'done'), '') AS done
FROM pg_namespace n LEFT JOIN tenants t ON t.schema_name = n.nspname
WHERE n.nspname LIKE 'tenant\_%' ORDER BY 1";

/// What is wrong in any schema.
fn wrong(fleet: &Fleet) -> Vec<String> {
    let state = fleet.sql(STATE);
    let is_right = |line: &&str| {
        let [_, history, there, unfinished, version, done] = line.split('|').collect::<Vec<_>>()[..] else {
            return false;
        };
        // An index may be finished whose row in the history is not written yet; that is marked.
        let agrees = there == history || (unfinished == "t" && there.replace(",4", "") == history);
        let last = history.rsplit(',').next().unwrap_or_default();
        let counts = version.is_empty() || version == last;
        agrees
            && counts
            && done
                == if last == "6" && !version.is_empty() {
                    "done"
                } else {
                    ""
                }
    };
    let lines = state.lines();
    lines.filter(|line| !is_right(line)).map(str::to_owned).collect()
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    KillClient,
    TerminateBackend,
    KillBackend,
    CrashServer,
    CutConnections,
}

const FAULTS: [Fault; 5] = [
    Fault::KillClient,
    Fault::TerminateBackend,
    Fault::CutConnections,
    Fault::KillBackend,
    Fault::CrashServer,
];

/// A fleet before the migrations, copied for every round.
struct Chaos {
    server: Server,
    original: Fleet,
    tenants: usize,
    /// How long a run takes that is left alone, by itself and with others at once.
    usual: [Duration; 2],
    random: Random,
    /// How many rounds hit a run before its first, between, and after its last tenant.
    hits: [usize; 3],
}

impl Chaos {
    /// Processes die here, the machine does not: what was written stays written, flushed or not.
    fn new(tenants: usize) -> Self {
        let server = Server::start(&[("synchronous_commit", "on"), ("full_page_writes", "on")]);
        let original = Fleet::on(&server, tenants);
        for (name, sql) in FILES {
            original.file(name, sql);
        }
        let mut chaos = Self {
            server,
            original,
            tenants,
            usual: [Duration::ZERO; 2],
            random: Random::new(1),
            hits: [0; 3],
        };
        for at_once in 0..2 {
            let fleet = chaos.copy();
            let started = Instant::now();
            Run::of(chaos.start(&fleet, fleet.database.url(), at_once)).success();
            chaos.usual[at_once] = started.elapsed();
            chaos.expect_finished(&fleet);
        }
        chaos
    }

    fn copy(&self) -> Fleet {
        self.original
            .copied(Database::copy_on(&self.server, &self.original.database))
    }

    fn start(&self, fleet: &Fleet, url: &str, at_once: usize) -> Child {
        let jobs = ["1", "4"][at_once];
        let arguments = ["migrate", "--all", "--jobs", jobs, "--on-error", "continue"];
        fleet.program_at(url).spawn(&arguments)
    }

    fn round(&mut self, fault: Fault) {
        let fleet = self.copy();
        let proxy = Proxy::start(&self.server);
        let url = proxy.url(fleet.database.name());
        let at_once = usize::from(self.random.one_in(2));
        // Much happens before the first tenant that takes little time.
        let most = match self.random.one_in(4) {
            true => self.usual[at_once] / 6,
            false => self.usual[at_once],
        };
        let pause = self.random.pause(most);
        let mut child = self.start(&fleet, &url, at_once);
        std::thread::sleep(pause);
        let mut victim = || fleet.database.any_session(&mut self.random);
        match fault {
            Fault::KillClient => child.kill().expect("can be killed"),
            Fault::TerminateBackend => {
                if let Some(pid) = victim() {
                    fleet.sql(&format!("SELECT pg_terminate_backend({pid})"));
                }
            }
            Fault::KillBackend => {
                if let Some(pid) = victim() {
                    kill_if_there(pid);
                }
            }
            Fault::CrashServer => self.server.crash(),
            Fault::CutConnections => proxy.cut(),
        }
        let run = Run::of(child);
        if let Fault::CrashServer = fault {
            self.server.start_again();
        }
        fleet.database.nobody_is_left();
        let told = format!("{fault:?} after {pause:?} of {:?}: {run:?}", self.usual[at_once]);
        assert!(matches!(run.code, -9 | 0 | 1 | 3 | 5), "{told}");
        assert_eq!(wrong(&fleet), [""; 0], "{told}");
        let done = fleet.sql("SELECT count(*) FROM tenants WHERE schema_version = 6");
        let done: usize = done.parse().expect("a number");
        self.hits[usize::from(done > 0) + usize::from(done == self.tenants)] += 1;

        Run::of(self.start(&fleet, fleet.database.url(), 1)).success();
        assert_eq!(wrong(&fleet), [""; 0], "{told}");
        self.expect_finished(&fleet);
    }

    fn expect_finished(&self, fleet: &Fleet) {
        assert_eq!(fleet.versions(), format!("6:{}", self.tenants));
        assert_eq!(
            fleet.sql("SELECT count(*) FROM tenant_unfinished_migrations"),
            "0"
        );
        let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
        assert_eq!(fleet.sql(invalid), "0");
        fleet
            .run(&["migrate", "--all", "--deep"])
            .success()
            .says("nothing to do");
        assert_eq!(
            fleet.sql("SELECT count(*) FROM tenant_operations WHERE outcome = 'running'"),
            "0"
        );
        fleet.run(&["drift", "--all"]).success();
    }
}

#[test]
fn whatever_is_killed_every_tenant_is_before_or_after_each_migration() {
    let mut chaos = Chaos::new(12);
    for fault in FAULTS.into_iter().chain(FAULTS) {
        chaos.round(fault);
    }
}

/// The same for long, with a larger fleet.
#[test]
#[ignore = "takes minutes; run by `make chaos`"]
#[expect(clippy::print_stderr, reason = "progress of a long test")]
fn chaos() {
    let rounds = variable("CHAOS_ROUNDS").map_or(200, |rounds| rounds.parse().expect("a number"));
    let mut chaos = Chaos::new(50);
    for (round, fault) in (1..=rounds).zip(FAULTS.into_iter().cycle()) {
        chaos.round(fault);
        if round % 10 == 0 {
            eprintln!(
                "{round} of {rounds} rounds, hits before, between and after: {:?}",
                chaos.hits
            );
        }
    }
    assert!(
        rounds < 50 || chaos.hits.iter().all(|&hits| hits > 0),
        "{:?}",
        chaos.hits
    );
}

#[test]
#[ignore = "needs to mount a small disk; run by `make chaos`"]
#[expect(clippy::print_stderr, reason = "progress of a long test")]
fn chaos_on_a_full_disk() {
    let rounds =
        variable("CHAOS_ROUNDS").map_or(20, |rounds| rounds.parse::<u64>().expect("a number").div_ceil(10));
    let mut full = 0;
    for round in 0..rounds {
        let (server, disk) = Server::on_small_disk(200);
        let fleet = Fleet::on(&server, 12);
        for (name, sql) in FILES {
            fleet.file(name, sql);
        }
        fleet.sql("CHECKPOINT");
        // Somewhere between too little for the first tenant and enough for nearly all.
        disk.fill_but(64 + round * 48 % 1024);
        let run = fleet.migrate(&["--all", "--on-error", "continue"]);
        full += usize::from(run.code != 0);
        disk.free();
        if psql(fleet.database.url(), "SELECT 1").is_err() {
            server.crash();
            server.start_again();
        }
        fleet.database.nobody_is_left();
        assert_eq!(wrong(&fleet), [""; 0], "round {round}: {run:?}");
        fleet.migrate(&["--all"]).success();
        assert_eq!(wrong(&fleet), [""; 0], "round {round}: {run:?}");
        assert_eq!(fleet.versions(), "6:12");
        fleet.run(&["drift", "--all"]).success();
    }
    eprintln!("{full} of {rounds} runs met a full disk");
    assert!(full > 0, "no run met a full disk");
}
