//! Operators who call the program, several at a time, each without a thought for the others.

use std::fs;
use std::time::Duration;

use super::ledger::{Absence, Account, Ending, Origin, Standing, schema_of};
use super::scene::{Scene, ending};
use crate::support::{Random, Run};

/// How many tenants there are to be, more or less.
const TENANTS: usize = 10;
/// How long an operator rests between two calls at most.
const REST: Duration = Duration::from_millis(400);

/// Commands that answer a question, for which no is an answer.
const QUESTIONS: [&str; 3] = ["status", "health", "drift"];

/// What comes of what other operators do at the time.
const OTHERS: [&str; 13] = [
    "locked by another run",
    "another run is ",
    "55P03",
    "40P01",
    "40001",
    "there is no tenant",
    "there are no tenant",
    "this tenant is suspended",
    "these tenants are suspended",
    "meanwhile",
    "there is no file",
    "was changed while it was being read",
    // By a file that came after this program had read the folder.
    "was applied, and its file is gone",
];

/// What comes of what is killed.
const KILLED: [&str; 7] = [
    "the connection to the server was lost",
    "the connection was lost during the commit",
    "cannot connect to",
    "cannot cancel on",
    "57P01",
    "57P02",
    "57P03",
];

/// What an operator may have in mind, as often as it stands here.
const MINDS: [Mind; 26] = [
    Mind::Create,
    Mind::Create,
    Mind::Create,
    Mind::Drop,
    Mind::Drop,
    Mind::DropForGood,
    Mind::Undrop,
    Mind::Undrop,
    Mind::Clone,
    Mind::Clone,
    Mind::Suspend,
    Mind::Resume,
    Mind::Migrate,
    Mind::Migrate,
    Mind::Migrate,
    Mind::Migrate,
    Mind::Cleanup,
    Mind::Cleanup,
    Mind::Cleanup,
    Mind::Backup,
    Mind::Backup,
    Mind::Verify,
    Mind::Rehearse,
    Mind::Sizes,
    Mind::Ask,
    Mind::Ask,
];

#[derive(Debug, Clone, Copy)]
enum Mind {
    Create,
    Drop,
    DropForGood,
    Undrop,
    Clone,
    Suspend,
    Resume,
    Migrate,
    Cleanup,
    Backup,
    Verify,
    Rehearse,
    Sizes,
    Ask,
}

/// Calls the program again and again until the round is over.
pub(super) fn run(scene: &Scene, random: Random, patience: u32) {
    let mut operator = Operator { scene, random };
    while !scene.is_over() {
        let mind = *operator.random.pick(&MINDS).expect("some");
        operator.act(mind);
        std::thread::sleep(operator.random.pause(REST * patience));
    }
}

struct Operator<'a> {
    scene: &'a Scene,
    random: Random,
}

impl Operator<'_> {
    fn act(&mut self, mind: Mind) {
        let tenants = self.scene.ledger.tenants();
        let (too_few, too_many) = (tenants < TENANTS / 2, tenants > TENANTS);
        match mind {
            Mind::Create if !too_many => self.create(),
            Mind::Drop | Mind::Suspend if too_few => self.create(),
            Mind::Clone if !too_many => self.clone(),
            Mind::Undrop => self.undrop(),
            Mind::Drop => self.remove(Absence::BackedUp),
            Mind::DropForGood | Mind::Create | Mind::Clone if too_many => self.remove(Absence::ForGood),
            Mind::Suspend => self.set_active(false),
            Mind::Resume => self.set_active(true),
            Mind::Migrate => self.migrate(),
            Mind::Cleanup => self.cleanup(),
            Mind::Backup => self.back_up(),
            Mind::Verify => self.verify(),
            Mind::Rehearse => self.rehearse(),
            Mind::Sizes => {
                self.call(&["sizes", "--snapshot", "--quiet"]);
            }
            Mind::Create | Mind::Clone | Mind::DropForGood | Mind::Ask => self.ask(),
        }
    }

    fn create(&mut self) {
        let many = 1 + self.random.below(2);
        let slugs: Vec<String> = (0..many)
            .filter_map(|_| self.scene.ledger.reserve_new(&mut self.random))
            .collect();
        if slugs.is_empty() {
            return;
        }
        let named: Vec<&str> = slugs.iter().map(String::as_str).collect();
        let run = self.call(&[&["create", "--quiet"], &named[..]].concat());
        for slug in &slugs {
            self.scene.ledger.release(slug, |account| {
                account.standing = account.standing.after(ending(&run), Standing::There);
            });
        }
    }

    fn remove(&mut self, how: Absence) {
        let Some(slug) = self.scene.ledger.reserve(&mut self.random, Account::is_settled) else {
            return;
        };
        self.scene
            .ledger
            .change(&slug, |account| account.is_restless = true);
        let run = match how {
            Absence::BackedUp => self.call(&["drop", &slug, "--yes", "--quiet"]),
            Absence::ForGood => self.call(&["drop", &slug, "--yes", "--no-backup", "--quiet"]),
        };
        self.scene.ledger.release(&slug, |account| {
            account.standing = account.standing.after(ending(&run), Standing::Absent(how));
        });
    }

    fn undrop(&mut self) {
        let is_wanted = |account: &Account| account.is_absent(Absence::BackedUp);
        let Some(slug) = self.scene.ledger.reserve(&mut self.random, is_wanted) else {
            return;
        };
        self.scene
            .ledger
            .change(&slug, |account| account.is_restless = true);
        let run = self.call(&["undrop", &slug, "--quiet"]);
        self.scene.ledger.release(&slug, |account| {
            account.standing = account.standing.after(ending(&run), Standing::There);
        });
    }

    /// The original may be dropped or migrated meanwhile.
    fn clone(&mut self) {
        let Some(from) = self.scene.ledger.any(&mut self.random, Account::is_settled) else {
            return;
        };
        let Some(to) = self.scene.ledger.reserve_new(&mut self.random) else {
            return;
        };
        let at_least = self.scene.ledger.change(&from, |account| account.at_least());
        let run = self.call(&["clone", &from, &to, "--quiet"]);
        self.scene.ledger.release(&to, |account| {
            account.standing = account.standing.after(ending(&run), Standing::There);
            account.is_active = None;
            account.origin = Some(Origin { slug: from, at_least });
        });
    }

    fn set_active(&mut self, is_active: bool) {
        let is_wanted = |account: &Account| {
            account.standing == Standing::There
                && account.is_active.is_none_or(|current| current != is_active)
        };
        let Some(slug) = self.scene.ledger.reserve(&mut self.random, is_wanted) else {
            return;
        };
        let command = if is_active { "resume" } else { "suspend" };
        let run = self.call(&[command, &slug, "--quiet"]);
        self.scene.ledger.release(&slug, |account| {
            account.is_active = match ending(&run) {
                Ending::Done => Some(is_active),
                Ending::Refused => account.is_active,
                Ending::Unknown => None,
            };
        });
    }

    fn migrate(&mut self) {
        if self.random.one_in(3) {
            self.scene.add_migration();
        }
        let mut arguments = vec!["migrate", "--all", "--quiet"];
        for (chance, more) in [
            (2, &["--inactive"][..]),
            (2, &["--on-error", "continue"]),
            (3, &["--per-migration"]),
            (3, &["--jobs", "1"]),
            (4, &["--deep"]),
            (4, &["--lock-wait", "3s"]),
        ] {
            if self.random.one_in(chance) {
                arguments.extend(more);
            }
        }
        self.call(&arguments);
    }

    fn cleanup(&mut self) {
        let mut arguments = vec!["cleanup", "--days", "30", "--yes", "--quiet"];
        for (chance, more) in [
            (2, &["--inactive"][..]),
            (2, &["--pause", "20ms"]),
            (3, &["--vacuum"]),
            (4, &["--max-duration", "300ms"]),
        ] {
            if self.random.one_in(chance) {
                arguments.extend(more);
            }
        }
        self.call(&arguments);
    }

    fn back_up(&mut self) {
        let some = self.scene.ledger.somewhere(&mut self.random);
        match some.filter(|_| self.random.one_in(3)) {
            Some(slug) => self.call(&["backup", &slug, "--inactive", "--quiet"]),
            None => self.call(&["backup", "--all", "--inactive", "--keep", "2", "--quiet"]),
        };
    }

    fn verify(&mut self) {
        let files: Vec<String> = fs::read_dir(self.scene.fleet.folder().join("backups"))
            .expect("readable")
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".zst"))
            .map(|name| format!("backups/{name}"))
            .collect();
        let Some(file) = self.random.pick(&files).cloned() else {
            return;
        };
        let arguments: &[&str] = match self.random.one_in(2) {
            true => &["verify", &file],
            false => &["verify", "--restore", &file],
        };
        let run = self.scene.call(&mut self.random, arguments);
        // One that `--keep` removes meanwhile may be said to be anything.
        if self.scene.fleet.folder().join(&file).exists() {
            self.judge(arguments, &run);
        }
    }

    fn rehearse(&mut self) {
        match self.random.one_in(2) {
            true => self.call(&["migrate", "--rehearse", "--with-data", "--tenants", "2"]),
            false => self.call(&["migrate", "--rehearse"]),
        };
    }

    fn ask(&mut self) {
        let count = "SELECT count(*) FROM entries";
        let questions: [&[&str]; 9] = [
            &["status", "--check"],
            &["status", "--deep"],
            &["health"],
            &["drift", "--all"],
            &["exec", "--all", "--inactive", "--sql", count],
            &["history"],
            &["list", "--inactive"],
            &["list-backups"],
            &["sizes", "--by", "table"],
        ];
        let question = *self.random.pick(&questions).expect("some");
        self.call(question);
    }

    /// Calls the program, and looks whether it ended as it may.
    fn call(&mut self, arguments: &[&str]) -> Run {
        let run = self.scene.call(&mut self.random, arguments);
        self.judge(arguments, &run);
        run
    }

    fn judge(&self, arguments: &[&str], run: &Run) {
        if let Some(complaint) = self.complaint(arguments[0], run) {
            self.scene.wrong(format!(
                "{} ended with {}: {complaint}\n{}{}",
                arguments.join(" "),
                run.code,
                run.stdout,
                run.stderr
            ));
        }
    }

    /// Whether it says that a schema is not there which came or went in this round.
    fn is_of_a_gone_schema(&self, reason: &str) -> bool {
        let accounts = self.scene.ledger.accounts();
        let mut restless = accounts.iter().filter(|(_, account)| account.is_restless);
        restless.any(|(slug, _)| reason.contains(&format!("schema `{}` does not exist", schema_of(slug))))
    }

    fn complaint(&self, command: &str, run: &Run) -> Option<String> {
        let is_hurt = self.scene.is_hurt();
        match run.code {
            0 | 6 => return None,
            // By a signal that comes before the program listens, it ends as any other.
            -9 | -2 | 130 if is_hurt => return None,
            4 if QUESTIONS.contains(&command) => return None,
            1..=5 => {}
            code => return Some(format!("{code} is no exit code")),
        }
        let reasons = reasons(&run.stderr);
        let is_excused = |reason: &String| {
            let says = |words: &[&str]| words.iter().any(|words| reason.contains(words));
            says(&OTHERS) || is_hurt && says(&KILLED) || self.is_of_a_gone_schema(reason)
        };
        match reasons.iter().find(|reason| !is_excused(reason)) {
            Some(reason) => Some(reason.clone()),
            None if reasons.is_empty() => Some("it does not say why".to_owned()),
            None => None,
        }
    }
}

/// Why a call failed: for each tenant where there are several, otherwise the error with its causes.
fn reasons(stderr: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut lines = stderr.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.starts_with("error: ") {
            continue;
        }
        let mut below = Vec::new();
        while let Some(more) = lines.next_if(|line| line.starts_with("  ")) {
            below.push(more.trim().to_owned());
        }
        match line.contains(" failed to ") && !below.is_empty() {
            true => reasons.append(&mut below),
            false => reasons.push(format!("{line} {}", below.join(" "))),
        }
    }
    reasons
}
