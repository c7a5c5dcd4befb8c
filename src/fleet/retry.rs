//! Trying again: what is worth it, how often, and how long to wait before.

use std::time::Duration;

use crate::db::{self, backoff};

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often a tenant is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first.
    pub times: u32,
}

impl Retry {
    /// The pause after the given attempt.
    pub fn pause(self, attempt: u32) -> Duration {
        backoff::pause(attempt.saturating_sub(1), LONGEST_PAUSE)
    }
}

/// Whether the same work may well succeed when done again: PostgreSQL said 55P03, 40001 or 40P01, and nothing else.
pub fn is_transient(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<db::Error>()
            .is_some_and(db::Error::is_transient)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_within_their_bounds() {
        let retry = Retry { times: 9 };
        for (attempt, full) in [(1, 100), (2, 200), (3, 400), (20, 10_000)] {
            let pause = retry.pause(attempt).as_millis();
            assert!(
                (full / 2..=full).contains(&pause),
                "attempt {attempt}: {pause} ms"
            );
        }
    }
}
