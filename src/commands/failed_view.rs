//! Whose part in a run was not done, so that every tenant stands somewhere in the answer.

use std::mem;

use serde::Serialize;

use crate::fleet::{Report, words};

/// A tenant whose part failed, and why.
#[derive(Debug, Serialize)]
pub(super) struct FailedView {
    pub(super) tenant: String,
    pub(super) error: String,
}

/// Everyone of a run whose part was not done.
#[derive(Debug, Default, Serialize)]
pub(super) struct Accounted {
    pub(super) failed: Vec<FailedView>,
    pub(super) skipped: Vec<String>,
    pub(super) not_started: Vec<String>,
}

impl FailedView {
    /// Everyone who failed in a run.
    pub(super) fn all<T>(report: &Report<T>) -> Vec<Self> {
        let failed = report.failures().map(|(slug, error)| Self {
            tenant: slug.to_string(),
            error: words(error),
        });
        failed.collect()
    }
}

impl Accounted {
    pub(super) fn of<T>(report: &Report<T>) -> Self {
        Self {
            failed: FailedView::all(report),
            skipped: report.skipped().map(|(slug, _)| slug.to_string()).collect(),
            not_started: report.not_started().map(ToString::to_string).collect(),
        }
    }

    /// Those who were skipped, for an answer that has a word of its own for them.
    pub(super) fn take_skipped(&mut self) -> Vec<String> {
        mem::take(&mut self.skipped)
    }
}
