//! Trying again: what is worth it, how often, and how long to wait before.

use std::error::Error;
use std::time::Duration;

use anyhow::Chain;

use super::report::words_of;
use super::{Event, Observer, Stop, Urgency};
use crate::blueprint::ReadError;
use crate::db::{self, backoff};
use crate::tenant::Slug;

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

/// The attempts at one tenant.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    slug: &'a Slug,
    retry: Retry,
    stop: &'a Stop,
    failed: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn at(slug: &'a Slug, retry: Retry, stop: &'a Stop) -> Self {
        Self {
            slug,
            retry,
            stop,
            failed: 0,
        }
    }

    /// Waits until it is time for another attempt. Says `false` where there is none: this error does not pass, there
    /// were enough of them, or everything is to be cancelled.
    pub(crate) async fn another_after(
        &mut self,
        error: &(dyn Error + 'static),
        observer: &mut dyn Observer,
    ) -> bool {
        self.failed += 1;
        let cancelled = Urgency::Cancel;
        if self.failed > self.retry.times || !is_transient(error) || self.stop.urgency() == cancelled {
            return false;
        }
        let pause = self.retry.pause(self.failed);
        observer.observe(&Event::Retrying {
            slug: self.slug.clone(),
            attempt: self.failed,
            pause,
            reason: words_of(error),
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.stop.reached(cancelled) => false,
        }
    }
}

/// Whether the same work may well succeed when done again: PostgreSQL said 55P03, 40001 or 40P01, or a schema did not
/// keep still while it was read. Nothing else is.
pub fn is_transient(error: &(dyn Error + 'static)) -> bool {
    Chain::new(error).any(|cause| {
        cause
            .downcast_ref::<db::Error>()
            .is_some_and(db::Error::is_transient)
            || matches!(cause.downcast_ref(), Some(ReadError::Changing(_)))
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
