//! What must be in the tenants, as those know who had it done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::support::Random;

/// The number of an application's transaction. It stands in every row that the transaction writes, and no other
/// transaction has it.
pub(super) type Mark = u64;

/// How many applications there may be.
const WRITERS: u64 = 8;
/// Slugs that tenants may have. One that nobody has any more is given again.
const SLUGS: usize = 40;

/// The number of an application's next transaction.
pub(super) fn mark(transaction: u64, writer: u64) -> Mark {
    transaction * WRITERS + writer
}

/// Who has written the transaction.
pub(super) fn writer_of(mark: Mark) -> u64 {
    mark % WRITERS
}

/// Whether its rows have outlived their retention when they are written.
pub(super) fn is_due(mark: Mark) -> bool {
    (mark / WRITERS).is_multiple_of(3)
}

/// The name of a tenant's schema.
pub(super) fn schema_of(slug: &str) -> String {
    format!("tenant_{}", slug.replace('-', "_"))
}

/// Whether a transaction has taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Committed,
    /// Nobody heard, and it was found later.
    Found,
    /// The connection was lost before anybody heard.
    Unknown,
}

/// Why a tenant is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// It was never made, or dropped without a backup.
    ForGood,
    /// It was dropped with a backup.
    BackedUp,
}

/// Whether a tenant is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    There,
    Absent(Absence),
    /// Nobody heard how the last call ended: it is there, or it is not for this reason.
    Either(Absence),
}

/// Where a copy comes from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) slug: String,
    /// What the original held when the copy was begun.
    pub(super) at_least: BTreeSet<Mark>,
}

/// What one tenant must be like.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// What stands in the rows that are made in it. A slug is given again, and may go to a copy of a copy of the one that
    /// had it first: its rows are no longer the tenant's own.
    pub(super) sign: String,
    pub(super) standing: Standing,
    /// `None` when nobody heard.
    pub(super) is_active: Option<bool>,
    /// The transactions of applications in it.
    pub(super) own: BTreeMap<Mark, Fate>,
    /// The transactions that it has as a copy of another.
    pub(super) inherited: BTreeSet<Mark>,
    /// Those of them whose rows were in need of removal when the copy was made.
    pub(super) inherited_due: BTreeSet<Mark>,
    /// The original, until somebody has looked at what came over.
    pub(super) origin: Option<Origin>,
    /// Whether it came or went in this round, so that work in it may not have found it.
    pub(super) is_restless: bool,
    is_busy: bool,
}

/// How a call ended, as far as its exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Done,
    Refused,
    Unknown,
}

/// What all tenants must be like.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: Mutex<BTreeMap<String, Account>>,
    /// How many there have ever been.
    opened: AtomicU64,
}

impl Account {
    fn new(sign: String) -> Self {
        Self {
            sign,
            standing: Standing::Absent(Absence::ForGood),
            is_active: Some(true),
            own: BTreeMap::new(),
            inherited: BTreeSet::new(),
            inherited_due: BTreeSet::new(),
            origin: None,
            is_restless: true,
            is_busy: true,
        }
    }

    /// All transactions that it may have.
    pub(super) fn at_most(&self) -> BTreeSet<Mark> {
        self.own.keys().chain(&self.inherited).copied().collect()
    }

    /// All transactions that it does have.
    pub(super) fn at_least(&self) -> BTreeSet<Mark> {
        let known = self.own.iter().filter(|(_, fate)| **fate != Fate::Unknown);
        known
            .map(|(mark, _)| mark)
            .chain(&self.inherited)
            .copied()
            .collect()
    }

    /// Those transactions of a writer before this one that the writer knows to be committed.
    pub(super) fn committed_before(&self, mark: Mark) -> BTreeSet<Mark> {
        let before = self.own.range(..mark);
        let of_writer =
            before.filter(|(other, fate)| **fate == Fate::Committed && writer_of(**other) == writer_of(mark));
        of_writer.map(|(other, _)| *other).collect()
    }

    /// Whether it is known to be there, with what it holds.
    pub(super) fn is_settled(&self) -> bool {
        self.standing == Standing::There && self.origin.is_none()
    }

    pub(super) fn is_absent(&self, why: Absence) -> bool {
        self.standing == Standing::Absent(why)
    }
}

impl Ledger {
    pub(super) fn accounts(&self) -> MutexGuard<'_, BTreeMap<String, Account>> {
        self.accounts.lock().expect("no panic")
    }

    /// How many tenants there are, more or less.
    pub(super) fn tenants(&self) -> usize {
        let accounts = self.accounts();
        let there = accounts
            .values()
            .filter(|account| !matches!(account.standing, Standing::Absent(_)));
        there.count()
    }

    /// A tenant in which an application may work.
    pub(super) fn somewhere(&self, random: &mut Random) -> Option<String> {
        self.any(random, |account| !matches!(account.standing, Standing::Absent(_)))
    }

    /// A tenant of which that is so.
    pub(super) fn any(&self, random: &mut Random, is_so: impl Fn(&Account) -> bool) -> Option<String> {
        let accounts = self.accounts();
        let slugs: Vec<&String> = accounts
            .iter()
            .filter(|(_, account)| is_so(account))
            .map(|(slug, _)| slug)
            .collect();
        random.pick(&slugs).map(|slug| (*slug).clone())
    }

    /// A tenant of which that is so, kept from everybody else who would make or remove it.
    pub(super) fn reserve(&self, random: &mut Random, is_so: impl Fn(&Account) -> bool) -> Option<String> {
        let slug = self.any(random, |account| !account.is_busy && is_so(account))?;
        let mut accounts = self.accounts();
        let account = accounts.get_mut(&slug).filter(|account| !account.is_busy)?;
        account.is_busy = true;
        Some(slug)
    }

    /// A slug for a new tenant, kept from everybody else.
    pub(super) fn reserve_new(&self, random: &mut Random) -> Option<String> {
        let mut accounts = self.accounts();
        let free: Vec<String> = (0..SLUGS)
            .map(|number| match number % 3 {
                0 => format!("t{number:02}"),
                1 => format!("with-dash-{number:02}"),
                _ => format!("a_long_name_of_a_tenant_{number:02}"),
            })
            .filter(|slug| !accounts.contains_key(slug))
            .collect();
        let slug = random.pick(&free)?.clone();
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        accounts.insert(slug.clone(), Account::new(format!("{slug} {number}")));
        Some(slug)
    }

    /// Writes down what came of it, and lets others have the tenant.
    pub(super) fn release(&self, slug: &str, change: impl FnOnce(&mut Account)) {
        self.change(slug, |account| {
            account.is_busy = false;
            change(account);
        });
    }

    /// Writes something down.
    pub(super) fn change<T>(&self, slug: &str, change: impl FnOnce(&mut Account) -> T) -> T {
        change(
            self.accounts()
                .get_mut(slug)
                .expect("known until the round is over"),
        )
    }

    /// Begins a round: nobody is at anything.
    pub(super) fn begin_round(&self) {
        for account in self.accounts().values_mut() {
            account.is_busy = false;
            account.is_restless = false;
        }
    }

    /// How many transactions of a writer a tenant has of its own, at least and at most.
    pub(super) fn written(&self, slug: &str, writer: u64) -> (usize, usize) {
        self.change(slug, |account| {
            let of_writer = || account.own.iter().filter(|(mark, _)| writer_of(**mark) == writer);
            let known = of_writer().filter(|(_, fate)| **fate != Fate::Unknown);
            (known.count(), of_writer().count())
        })
    }
}

impl Standing {
    /// What a call makes of it that would lead to another one.
    pub(super) fn after(self, ending: Ending, done: Self) -> Self {
        match (ending, self, done) {
            (Ending::Done, ..) => done,
            (Ending::Refused, ..) => self,
            (Ending::Unknown, Self::Absent(why), _) | (Ending::Unknown, _, Self::Absent(why)) => {
                Self::Either(why)
            }
            (Ending::Unknown, ..) => self,
        }
    }
}
