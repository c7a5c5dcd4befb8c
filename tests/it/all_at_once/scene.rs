//! What all who take part in a round have in common, and what they have to say of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::ledger::{Ending, Ledger};
use super::migrations;
use crate::support::{Database, Fleet, Proxy, Random, Run, Server, psql, signal};

/// How long a program may take to end once everybody else has ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// What there is besides the tables, of which retention takes some rows.
const CONFIGURATION: &str = "[retention]\narchive_dir = 'archive'\n[backup]\ndir = 'backups'\n";
const RETENTION: &str = "[[policy]]\nname = 'events'\ntable = 'events'\ncolumn = 'at'\ndays = 30\n\
                         action = 'archive'\nbatch_size = 40\n\
                         [[policy]]\nname = 'visits'\ntable = 'visits'\ncolumn = 'at'\ndays = 30\nbatch_size = 40\n";

/// A fleet on a server of its own, and what is known of it.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) fleet: Fleet,
    pub(super) proxy: Proxy,
    pub(super) ledger: Ledger,
    pub(super) tally: Mutex<Tally>,
    /// The version of the newest migration.
    pub(super) version: AtomicU64,
    pub(super) is_over: AtomicBool,
    /// Whether anything was killed in this round yet.
    pub(super) is_hurt: AtomicBool,
    running: Mutex<BTreeMap<u32, String>>,
    round: Mutex<Round>,
}

/// What happened in a round.
#[derive(Debug)]
struct Round {
    begun: Instant,
    happened: Vec<String>,
    wrong: Vec<String>,
}

/// What was done in all rounds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By command, how many calls ended with which code.
    pub(super) calls: BTreeMap<String, BTreeMap<i32, u64>>,
    pub(super) faults: BTreeMap<String, u64>,
    pub(super) committed: u64,
    pub(super) unknown: u64,
}

impl Scene {
    /// A server with a registry and a template, and no tenant yet.
    ///
    /// Processes die here, the machine does not: what was written stays written, flushed or not.
    pub(super) fn new() -> Self {
        let server = Server::start(&[("synchronous_commit", "on"), ("full_page_writes", "on")]);
        let fleet = Fleet::begun(Database::on(&server));
        fleet.configure(CONFIGURATION);
        fs::write(fleet.folder().join("retention.toml"), RETENTION).expect("written");
        fs::create_dir(fleet.folder().join("backups")).expect("a folder");
        fleet.file("V1__beginning.sql", migrations::BEGINNING);
        fleet.run(&["init", "--quiet"]).success();
        let proxy = Proxy::start(&server);
        Self {
            server,
            fleet,
            proxy,
            ledger: Ledger::default(),
            tally: Mutex::default(),
            version: AtomicU64::new(1),
            is_over: AtomicBool::new(false),
            is_hurt: AtomicBool::new(false),
            running: Mutex::default(),
            round: Mutex::new(Round {
                begun: Instant::now(),
                happened: Vec::new(),
                wrong: Vec::new(),
            }),
        }
    }

    pub(super) fn begin_round(&self) {
        self.ledger.begin_round();
        self.is_over.store(false, Ordering::SeqCst);
        self.is_hurt.store(false, Ordering::SeqCst);
        *self.round() = Round {
            begun: Instant::now(),
            happened: Vec::new(),
            wrong: Vec::new(),
        };
    }

    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().expect("no panic")
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().expect("no panic")
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    pub(super) fn is_hurt(&self) -> bool {
        self.is_hurt.load(Ordering::SeqCst)
    }

    /// Writes down what happened, for whoever has to find out why something is wrong.
    pub(super) fn happened(&self, what: &str) {
        let mut round = self.round();
        let at = round.begun.elapsed();
        round
            .happened
            .push(format!("{:>7.3} s  {what}", at.as_secs_f64()));
    }

    /// Writes down what must not be.
    pub(super) fn wrong(&self, what: impl Into<String>) {
        let what = what.into();
        self.happened(&format!("WRONG: {what}"));
        self.round().wrong.push(what);
    }

    /// What must not be, and all that happened before; `None` when all is well.
    pub(super) fn verdict(&self) -> Option<String> {
        let round = self.round();
        if round.wrong.is_empty() {
            return None;
        }
        let mut text = String::new();
        for line in &round.happened {
            let _ = writeln!(text, "{line}");
        }
        let _ = writeln!(text, "{} things are wrong:", round.wrong.len());
        for wrong in &round.wrong {
            let _ = writeln!(text, "- {wrong}");
        }
        Some(text)
    }

    /// Adds the next migration to the folder.
    pub(super) fn add_migration(&self) {
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        let (name, sql) = migrations::of(version);
        self.fleet.file(&name, &sql);
        self.happened(&format!("there is {name}"));
    }

    /// Calls the program, which may be killed, on one of two ways to the server.
    pub(super) fn call(&self, random: &mut Random, arguments: &[&str]) -> Run {
        let program = match random.one_in(3) {
            true => self.fleet.program_at(&self.proxy.url(self.fleet.database.name())),
            false => self.fleet.program(),
        };
        let wait = match random.one_in(2) {
            true => "5s",
            false => "0",
        };
        let program = program.env("TENANTCTL_CONNECT_WAIT", wait);
        let child = {
            let mut running = self.running();
            let child = program.spawn(arguments);
            running.insert(child.id(), arguments.join(" "));
            child
        };
        let (pid, begun) = (child.id(), Instant::now());
        let run = Run::watched(child, || {
            self.running().remove(&pid);
        });
        self.happened(&format!(
            "{} ended with {} after {:.3} s {}",
            arguments.join(" "),
            run.code,
            begun.elapsed().as_secs_f64(),
            run.stderr.lines().collect::<Vec<_>>().join(" / ")
        ));
        self.count(arguments, run.code);
        run
    }

    /// Calls the program when everything else is still. It has to succeed.
    pub(super) fn finish(&self, arguments: &[&str]) -> Run {
        let run = self.fleet.run(arguments);
        self.count(arguments, run.code);
        if run.code != 0 {
            self.wrong(format!("{} in peace: {run:?}", arguments.join(" ")));
        }
        run
    }

    fn count(&self, arguments: &[&str], code: i32) {
        let mut tally = self.tally();
        let command = arguments.first().copied().unwrap_or_default().to_owned();
        *tally.calls.entry(command).or_default().entry(code).or_default() += 1;
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<u32, String>> {
        self.running.lock().expect("no panic")
    }

    /// Sends a signal to one of the programs that run. None of them is gone before this returns.
    pub(super) fn signal_program(&self, random: &mut Random, name: &str) {
        let running = self.running();
        let programs: Vec<(&u32, &String)> = running.iter().collect();
        if let Some((pid, arguments)) = random.pick(&programs) {
            self.happened(&format!("SIG{name} for {arguments}"));
            signal(**pid, name);
        }
    }

    /// Waits for the programs that still run. One that does not end is wrong.
    pub(super) fn wait_for_programs(&self) {
        let since = Instant::now();
        while !self.running().is_empty() {
            if since.elapsed() > PATIENCE {
                let url = self.fleet.database.url();
                let sessions = "SELECT pid, application_name, state, wait_event_type, wait_event, query FROM pg_stat_activity \
                                WHERE datname = current_database()";
                let running = self.running();
                for (pid, arguments) in &*running {
                    self.wrong(format!("{arguments} does not end"));
                    signal(*pid, "KILL");
                }
                self.happened(&psql(url, sessions).unwrap_or_else(|error| error));
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What an exit code says about whether the change was made.
pub(super) fn ending(run: &Run) -> Ending {
    match run.code {
        0 => Ending::Done,
        1 | 2 | 4 | 6 => Ending::Refused,
        _ => Ending::Unknown,
    }
}
