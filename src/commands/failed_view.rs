use serde::Serialize;

use crate::fleet::{Report, words};

/// A tenant whose part failed, and why.
#[derive(Debug, Serialize)]
pub(super) struct FailedView {
    pub(super) tenant: String,
    pub(super) error: String,
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
