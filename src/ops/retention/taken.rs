//! What a policy has taken away in a tenant.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::statement::Job;
use crate::db::TextResult;

/// What came of one policy in one tenant, or would.
#[derive(Debug, Clone)]
pub struct Taken {
    pub policy: String,
    pub table: String,
    pub action: &'static str,
    pub days: u32,
    /// Older rows are due.
    pub cut_off: Timestamp,
    /// Rows of the policy's own table, and their bytes.
    pub own: Amount,
    /// Rows of other tables that went along with them.
    pub along: BTreeMap<String, Amount>,
    /// Due rows that others refer to, which must not lose them.
    pub kept: u64,
    /// Due rows that somebody else held, or that a trigger or rule has kept.
    pub locked: u64,
    /// Whether there is such a trigger or rule.
    pub may_be_kept: bool,
    /// Due rows whose turn did not come.
    pub left: u64,
    /// Whether the policy's turn did not come at all.
    pub not_reached: bool,
    /// Whether a dry run has found more than goes without `--yes`.
    pub needs_yes: bool,
    /// Whether a dry run has found rows that would still be due once they are redacted.
    pub stays_due: bool,
    pub batches: u64,
    /// Partitions that went as a whole.
    pub partitions: Vec<String>,
    pub elapsed: Duration,
    /// The bytes of a row by a sample, where statements do not tell of each.
    pub(super) bytes_a_row: Option<u64>,
}

/// How many rows, and the bytes of their data without indexes: counted by a dry run and where rows are told of one by
/// one, otherwise estimated from some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    pub rows: u64,
    pub bytes: u64,
}

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

impl Taken {
    pub(super) fn nothing(job: &Job<'_>) -> Self {
        Self {
            policy: job.rule.name().to_owned(),
            table: job.table.name.clone(),
            action: job.rule.settings.action.word(),
            days: job.days,
            cut_off: job.cut_off,
            own: Amount::default(),
            along: BTreeMap::new(),
            kept: 0,
            locked: 0,
            may_be_kept: job.table.may_keep_rows,
            left: 0,
            not_reached: false,
            needs_yes: false,
            stays_due: false,
            batches: 0,
            partitions: Vec::new(),
            elapsed: Duration::ZERO,
            bytes_a_row: None,
        }
    }

    /// Makes this the account of another attempt as well: what went in both has gone, what was left is what the later one
    /// left.
    pub(super) fn tried_again(&mut self, later: Self) {
        let earlier = std::mem::replace(self, later);
        self.own += earlier.own;
        for (table, amount) in earlier.along {
            *self.along.entry(table).or_default() += amount;
        }
        self.batches += earlier.batches;
        self.partitions.splice(..0, earlier.partitions);
        self.elapsed += earlier.elapsed;
    }

    /// All rows, with those that went along.
    pub fn all(&self) -> Amount {
        let mut all = self.own;
        for amount in self.along.values() {
            all += *amount;
        }
        all
    }

    /// Whether there were due rows, gone or not.
    pub fn has_found_something(&self) -> bool {
        self.all().rows + self.kept + self.locked + self.left > 0
            || self.not_reached
            || !self.partitions.is_empty()
    }

    pub(super) fn all_rows(&self) -> u64 {
        self.all().rows
    }

    /// The table of a statement's numbered kinds of rows.
    pub(super) fn table_of<'a>(job: &'a Job<'_>, which: usize) -> &'a str {
        let member = which
            .checked_sub(1)
            .and_then(|member| job.family.members.get(member));
        member.map_or(&job.table.told, |member| &member.table.told)
    }

    /// Adds rows of the policy's own table of which only the number is known.
    pub(super) fn add_own(&mut self, rows: u64) -> u64 {
        self.own += Amount {
            rows,
            bytes: rows * self.bytes_a_row.unwrap_or(0),
        };
        rows
    }

    /// Adds what a statement has taken, and answers how many of it were the policy's own rows.
    pub(super) fn add(&mut self, job: &Job<'_>, answer: &TextResult) -> u64 {
        let mut own = 0;
        for row in &answer.rows {
            let value = |column: usize| {
                let text = row.get(column).and_then(Option::as_deref);
                text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
            };
            let amount = Amount {
                rows: value(1),
                bytes: value(2),
            };
            match usize::try_from(value(0)) {
                Ok(0) | Err(_) => {
                    own += amount.rows;
                    self.own += amount;
                }
                Ok(_) if amount.rows == 0 => {}
                Ok(which) => {
                    let table = Self::table_of(job, which).to_owned();
                    *self.along.entry(table).or_default() += amount;
                }
            }
        }
        own
    }
}
