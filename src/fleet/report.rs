//! How a fleet fared, and what exit code that is.

use std::error::Error;
use std::time::Duration;

use anyhow::Chain;

use crate::exit::ExitStatus;
use crate::tenant::Slug;

/// How one tenant's work ended.
#[derive(Debug)]
pub enum Outcome<T> {
    Done(T),
    /// There was nothing to do, for the reason given.
    Skipped(String),
    Failed(anyhow::Error),
    /// The run ended before this tenant's turn came.
    NotStarted,
}

/// One tenant's line in the report.
#[derive(Debug)]
pub struct TenantReport<T> {
    pub slug: Slug,
    pub outcome: Outcome<T>,
    pub elapsed: Duration,
}

/// How every tenant fared, sorted by slug.
#[derive(Debug)]
pub struct Report<T> {
    pub tenants: Vec<TenantReport<T>>,
    /// Whether a signal ended the run early.
    pub interrupted: bool,
}

/// How many tenants fared how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub done: usize,
    pub skipped: usize,
    pub failed: usize,
    pub not_started: usize,
}

impl<T> Report<T> {
    /// Those whose turn will not come.
    pub fn of_not_started(slugs: impl IntoIterator<Item = Slug>) -> Self {
        let tenants = slugs.into_iter().map(|slug| TenantReport {
            slug,
            outcome: Outcome::NotStarted,
            elapsed: Duration::ZERO,
        });
        Self {
            tenants: tenants.collect(),
            interrupted: false,
        }
    }

    /// Those for whom there is nothing to do, each with the reason.
    pub fn of_skipped(slugs: impl IntoIterator<Item = (Slug, String)>) -> Self {
        let tenants = slugs.into_iter().map(|(slug, reason)| TenantReport {
            slug,
            outcome: Outcome::Skipped(reason),
            elapsed: Duration::ZERO,
        });
        Self {
            tenants: tenants.collect(),
            interrupted: false,
        }
    }

    /// Both in one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.tenants.extend(other.tenants);
        self.tenants.sort_by(|one, other| one.slug.cmp(&other.slug));
        Self {
            interrupted: self.interrupted || other.interrupted,
            ..self
        }
    }

    /// The results of those that were done.
    pub fn done(&self) -> impl Iterator<Item = (&Slug, &T)> {
        self.tenants.iter().filter_map(|tenant| match &tenant.outcome {
            Outcome::Done(result) => Some((&tenant.slug, result)),
            _ => None,
        })
    }

    /// Those that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&Slug, &anyhow::Error)> {
        self.tenants.iter().filter_map(|tenant| match &tenant.outcome {
            Outcome::Failed(error) => Some((&tenant.slug, error)),
            _ => None,
        })
    }

    /// Those that had nothing to do, and why.
    pub fn skipped(&self) -> impl Iterator<Item = (&Slug, &str)> {
        self.tenants.iter().filter_map(|tenant| match &tenant.outcome {
            Outcome::Skipped(reason) => Some((&tenant.slug, reason.as_str())),
            _ => None,
        })
    }

    /// Those whose turn never came.
    pub fn not_started(&self) -> impl Iterator<Item = &Slug> {
        self.tenants
            .iter()
            .filter(|tenant| matches!(tenant.outcome, Outcome::NotStarted))
            .map(|tenant| &tenant.slug)
    }

    /// How many fared how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tenant in &self.tenants {
            match tenant.outcome {
                Outcome::Done(_) => counts.done += 1,
                Outcome::Skipped(_) => counts.skipped += 1,
                Outcome::Failed(_) => counts.failed += 1,
                Outcome::NotStarted => counts.not_started += 1,
            }
        }
        counts
    }

    /// The exit code of a run that ended so.
    pub fn exit_status(&self) -> ExitStatus {
        exit_status(self.counts(), self.interrupted)
    }
}

fn exit_status(counts: Counts, interrupted: bool) -> ExitStatus {
    let incomplete = counts.failed > 0 || counts.not_started > 0;
    match counts {
        _ if interrupted && incomplete => ExitStatus::Interrupted,
        _ if !incomplete => ExitStatus::Done,
        // The rest finished: nobody is left waiting, and the failure is theirs alone.
        Counts {
            not_started: 0,
            done,
            skipped,
            ..
        } if done + skipped > 0 => ExitStatus::Partial,
        _ => ExitStatus::Failed,
    }
}

/// An error with its causes on one line.
pub fn words(error: &anyhow::Error) -> String {
    words_of(error.as_ref())
}

/// The same for any kind of error.
pub(super) fn words_of(error: &(dyn Error + 'static)) -> String {
    causes(error).join(": ")
}

/// What an error says, and then its causes. One that repeats what stands before it is left out.
pub fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    for cause in Chain::new(error).map(ToString::to_string) {
        if causes.last().is_none_or(|last| !last.ends_with(&cause)) {
            causes.push(cause);
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(
        done: usize,
        skipped: usize,
        failed: usize,
        not_started: usize,
        interrupted: bool,
    ) -> ExitStatus {
        exit_status(
            Counts {
                done,
                skipped,
                failed,
                not_started,
            },
            interrupted,
        )
    }

    #[test]
    fn a_run_in_which_nothing_failed_is_done() {
        assert_eq!(status(3, 1, 0, 0, false), ExitStatus::Done);
        assert_eq!(status(0, 0, 0, 0, false), ExitStatus::Done);
    }

    #[test]
    fn a_signal_that_came_too_late_to_matter_changes_nothing() {
        assert_eq!(status(3, 0, 0, 0, true), ExitStatus::Done);
    }

    #[test]
    fn some_failures_with_the_rest_finished_are_partial() {
        assert_eq!(status(2, 0, 1, 0, false), ExitStatus::Partial);
        assert_eq!(status(0, 1, 1, 0, false), ExitStatus::Partial);
    }

    #[test]
    fn a_run_that_stopped_early_or_failed_everywhere_has_failed() {
        assert_eq!(status(2, 0, 1, 3, false), ExitStatus::Failed);
        assert_eq!(status(0, 0, 2, 0, false), ExitStatus::Failed);
    }

    #[test]
    fn tenants_left_over_by_a_signal_are_an_interruption() {
        assert_eq!(status(2, 0, 0, 3, true), ExitStatus::Interrupted);
        assert_eq!(status(2, 0, 1, 0, true), ExitStatus::Interrupted);
    }
}
