//! What a cleanup did, for Prometheus: a file in its text format, as node_exporter's textfile collector reads it.

use super::cleanup_view::CleanupView;
use crate::exit::ExitStatus;
use crate::ops::prometheus::Metrics;
use crate::ops::retention::Cleanup;

const PREFIX: &str = "tenantctl_cleanup";
const SUCCESS: (&str, &str) = (
    "last_run_success",
    "Whether the last cleanup ended with exit code 0",
);

/// The metrics of a run that did not come as far as to have any: the server's clock may be out of reach.
pub(super) fn of_failure() -> String {
    let (name, help) = SUCCESS;
    let mut metrics = Metrics::new(PREFIX);
    metrics.one(name, help, 0.0);
    metrics.into_text()
}

/// The metrics of a run that has ended.
pub(super) fn text(cleanup: &Cleanup, view: &CleanupView, suspended: usize, status: ExitStatus) -> String {
    let mut metrics = Metrics::new(PREFIX);
    let ended = cleanup.now.as_millisecond() as f64 / 1000.0 + cleanup.elapsed.as_secs_f64();
    metrics.one(
        "last_run_timestamp_seconds",
        "When the last cleanup ended, by the server's clock",
        ended,
    );
    let (name, help) = SUCCESS;
    metrics.one(name, help, f64::from(status == ExitStatus::Done));
    metrics.one(
        "duration_seconds",
        "How long the last cleanup took",
        cleanup.elapsed.as_secs_f64(),
    );
    metrics.one(
        "longest_transaction_seconds",
        "The longest transaction of the last cleanup",
        cleanup.longest.as_secs_f64(),
    );
    let by_policy = |value: fn(&super::cleanup_view::PolicyView) -> u64| -> Vec<(String, f64)> {
        let policies = view.policies().iter();
        policies
            .map(|policy| {
                let labels = format!("{{policy=\"{}\",action=\"{}\"}}", policy.policy, policy.action);
                (labels, value(policy) as f64)
            })
            .collect()
    };
    metrics.each(
        "rows",
        "Rows that the last cleanup took",
        &by_policy(|policy| policy.rows),
    );
    metrics.each(
        "bytes",
        "Bytes of the rows that the last cleanup took",
        &by_policy(|policy| policy.bytes),
    );
    let counts = cleanup.report.counts();
    let not_reached = cleanup.not_reached.len();
    let tenants = [
        ("done", counts.done),
        ("failed", counts.failed),
        ("skipped", counts.skipped.saturating_sub(not_reached) + suspended),
        ("not_reached", counts.not_started + not_reached),
    ];
    let tenants = tenants.map(|(outcome, count)| (format!("{{outcome=\"{outcome}\"}}"), count as f64));
    metrics.each(
        "tenants",
        "Tenants of the last cleanup by how they fared",
        &tenants,
    );
    metrics.into_text()
}
