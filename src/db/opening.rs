//! How a transaction begins that may last: its locks are tried, and no limit ends it half-way.

use std::fmt::Write as _;
use std::time::Duration;

use super::error::Error;
use super::lock::{Hold, LockHeld, LockName};
use super::session::{Session, Transaction};
use super::tenant_conn::Access;
use super::text_result::is_so;
use super::timeout::{NO_TRANSACTION_LIMIT, optional_limit_in_ms};

/// What a transaction sees of others that commit meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// Nothing: all of its statements share one.
    One,
    /// Each statement sees what was committed before it.
    Each,
}

/// A transaction that is to begin.
#[derive(Debug)]
pub struct Opening<'a> {
    pub snapshot: Snapshot,
    pub access: Access,
    /// Zero waits for ever.
    pub lock_timeout: Duration,
    /// Settings that are needed before the locks.
    pub first: &'a str,
    pub locks: &'a [(LockName<'a>, Hold)],
}

impl Session {
    /// Begins a transaction with these locks, in one round trip, or says which of them somebody else holds.
    ///
    /// With one snapshot for all statements that is taken just before the locks, so somebody may have changed
    /// something, committed and let go in between. Who relies on what the snapshot shows makes sure that it still is so,
    /// once the locks are held.
    pub async fn begin_locked(
        &mut self,
        opening: &Opening<'_>,
    ) -> Result<Result<Transaction<'_>, LockHeld>, Error> {
        let (transaction, answers) = self.begin(&opening.script()).await?;
        let tried = answers.split_last().map_or(&[][..], |(_, before)| before);
        let mut locks = opening.locks.iter().enumerate();
        let Some((_, (held, _))) = locks.find(|(at, _)| !is_so(tried, *at)) else {
            return Ok(Ok(transaction));
        };
        let held = held.held(&transaction).await?;
        transaction.rollback().await?;
        Ok(Err(held))
    }
}

impl Opening<'_> {
    fn script(&self) -> String {
        let isolation = match self.snapshot {
            Snapshot::One => "REPEATABLE READ",
            Snapshot::Each => "READ COMMITTED",
        };
        let access = match self.access {
            Access::ReadOnly => "READ ONLY",
            Access::ReadWrite => "READ WRITE",
        };
        let mut script = format!(
            "BEGIN ISOLATION LEVEL {isolation} {access}; SET LOCAL lock_timeout = {}; \
             SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;\n",
            optional_limit_in_ms(self.lock_timeout)
        );
        if !self.first.is_empty() {
            let _ = writeln!(script, "{};", self.first);
        }
        let locks: Vec<String> = self.locks.iter().map(|(name, hold)| name.tried(*hold)).collect();
        let _ = write!(script, "SELECT {};\n{NO_TRANSACTION_LIMIT}", locks.join(", "));
        script
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_tried_before_anything_else_needs_a_snapshot() {
        let opening = Opening {
            snapshot: Snapshot::One,
            access: Access::ReadOnly,
            lock_timeout: Duration::from_secs(5),
            first: "SET LOCAL synchronize_seqscans = off",
            locks: &[
                (LockName::Registry, Hold::Shared),
                (LockName::Migrations, Hold::Alone),
            ],
        };
        let script = opening.script();
        let statements = crate::db::statements(&script).expect("readable");
        let openings: Vec<&str> = statements
            .iter()
            .map(|statement| statement.opening[0].as_str())
            .collect();
        assert_eq!(
            openings,
            ["begin", "set", "set", "set", "set", "select", "select"],
            "{script}"
        );
        assert!(script.contains("xact_lock_shared"), "{script}");
    }
}
