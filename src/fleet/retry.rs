//! Trying again: what is worth it, how often, and how long to wait before.

use std::time::Duration;

use crate::db;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often a tenant is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first.
    pub times: u32,
}

impl Retry {
    /// The pause after the given attempt: doubled each time, and somewhere between half and all of that, so that
    /// those who met once do not meet again.
    pub fn pause(self, attempt: u32) -> Duration {
        let full = FIRST_PAUSE
            .saturating_mul(1 << attempt.saturating_sub(1).min(10))
            .min(LONGEST_PAUSE);
        full.mul_f64(0.5 + jitter() / 2.0)
    }
}

/// A number from 0 to 1 that differs between callers; nothing depends on its quality.
fn jitter() -> f64 {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .subsec_nanos();
    f64::from(nanos.wrapping_mul(2_654_435_761) >> 8) / f64::from(u32::MAX >> 8)
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
