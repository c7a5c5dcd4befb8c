//! How fast a run goes: batches that stay short, pauses, and when it is to end.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::db::Session;
use crate::fleet::{Stop, Urgency};

/// The first batch of a policy is this large at most, until it is known how long one takes.
const FIRST: f64 = 1000.0;
/// How much of the longest time a batch aims at.
const SHARE: f64 = 0.5;
/// How often replicas are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The bounds of a run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub batch_size: u32,
    /// What a transaction is to stay under.
    pub max_batch: Duration,
    /// The largest part of a table that may go; none once somebody has said yes.
    pub max_fraction: Option<f64>,
    /// So many rows may go whatever part they are.
    pub free_rows: u64,
    /// How far a replica may be behind; zero for any.
    pub max_replica_lag: Duration,
    /// A pause after each batch.
    pub pause: Duration,
    /// When the run ends, between two batches.
    pub deadline: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Pace<'a> {
    limits: Limits,
    stop: &'a Stop,
    /// Rows a batch, by policy.
    rows: RefCell<HashMap<String, f64>>,
    looked: Cell<Option<Instant>>,
    longest: Cell<Duration>,
}

impl<'a> Pace<'a> {
    pub(super) fn new(limits: Limits, stop: &'a Stop) -> Self {
        Self {
            limits,
            stop,
            rows: RefCell::default(),
            looked: Cell::new(None),
            longest: Cell::new(Duration::ZERO),
        }
    }

    /// Whether no batch is to begin any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_late() || self.stop.urgency() >= Urgency::Drain
    }

    /// Whether the time that was given is over.
    pub(super) fn is_late(&self) -> bool {
        self.limits
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// How much of the time that was given is left; nothing where there is no end.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let deadline = self.limits.deadline?;
        // Zero would be no limit.
        let shortest = Duration::from_millis(1);
        Some(deadline.saturating_duration_since(Instant::now()).max(shortest))
    }

    /// The longest transaction so far.
    pub(super) fn longest(&self) -> Duration {
        self.longest.get()
    }

    /// The most rows that a batch of a policy has.
    pub(super) fn most(&self, batch_size: Option<u32>) -> u64 {
        batch_size.unwrap_or(self.limits.batch_size).into()
    }

    /// How many rows the policy's next batch is to have.
    pub(super) fn rows(&self, policy: &str, batch_size: Option<u32>) -> u64 {
        let known = self.rows.borrow().get(policy).copied().unwrap_or(FIRST);
        known.clamp(1.0, self.most(batch_size) as f64) as u64
    }

    /// Makes batches smaller because of what hangs on their rows.
    pub(super) fn shrink(&self, policy: &str, rows: u64) {
        let mut known = self.rows.borrow_mut();
        let size = known.entry(policy.to_owned()).or_insert(FIRST);
        *size = size.min(rows.max(1) as f64);
    }

    /// Learns from a batch how large the next one may be.
    pub(super) fn learn(&self, policy: &str, rows: u64, took: Duration) {
        self.longest.set(self.longest.get().max(took));
        let mut known = self.rows.borrow_mut();
        let size = known.entry(policy.to_owned()).or_insert(FIRST);
        let aim = SHARE * self.limits.max_batch.as_secs_f64();
        let fits = rows as f64 * aim / took.as_secs_f64().max(1e-6);
        if took.as_secs_f64() > aim {
            *size = fits.clamp(1.0, *size);
        } else if rows as f64 * 2.0 >= *size {
            // A small batch says little about a large one.
            *size = fits.min(*size * 4.0).max(*size);
        }
    }

    /// Rests between two batches.
    pub(super) async fn rest(&self, session: &Session) {
        if !self.limits.pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(self.limits.pause) => {}
                () = self.stop.reached(Urgency::Drain) => {}
            }
        }
        let limit = self.limits.max_replica_lag;
        if limit.is_zero() || self.looked.get().is_some_and(|looked| looked.elapsed() < LOOK) {
            return;
        }
        let mut told = false;
        while !self.is_over() {
            self.looked.set(Some(Instant::now()));
            match lag(session).await {
                Some(lag) if lag > limit => {
                    if !told {
                        tracing::warn!("a replica is {} s behind, waiting for it", lag.as_secs());
                    }
                    told = true;
                    tokio::time::sleep(LOOK).await;
                }
                _ => return,
            }
        }
    }
}

/// How far the slowest replica is behind. A role that may not know sees none.
async fn lag(session: &Session) -> Option<Duration> {
    const STATEMENT: &str = "SELECT max(extract(epoch FROM replay_lag))::float8 FROM pg_stat_replication";
    let row = session.query_opt(STATEMENT, &[]).await.ok()??;
    let seconds: Option<f64> = row.get(0);
    seconds.map(|seconds| Duration::from_secs_f64(seconds.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_they_are_quick_and_shrink_when_they_are_not() {
        let stop = Stop::default();
        let limits = Limits {
            batch_size: 5000,
            max_batch: Duration::from_millis(200),
            max_fraction: None,
            free_rows: 0,
            max_replica_lag: Duration::ZERO,
            pause: Duration::ZERO,
            deadline: None,
        };
        let pace = Pace::new(limits, &stop);
        assert_eq!(pace.rows("p", None), 1000);
        pace.learn("p", 1000, Duration::from_millis(5));
        assert_eq!(pace.rows("p", None), 4000);
        pace.learn("p", 4000, Duration::from_millis(20));
        assert_eq!(pace.rows("p", None), 5000);
        pace.learn("p", 5000, Duration::from_millis(500));
        assert_eq!(pace.rows("p", None), 1000);
        pace.learn("p", 10, Duration::from_millis(1));
        assert_eq!(pace.rows("p", None), 1000);
        assert_eq!(pace.rows("p", Some(300)), 300);
    }
}
