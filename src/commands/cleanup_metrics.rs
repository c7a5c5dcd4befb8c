//! What a cleanup did, for Prometheus: a file in its text format, as node_exporter's textfile collector reads it.

use std::fmt::Write as _;

use super::cleanup_view::CleanupView;
use crate::exit::ExitStatus;
use crate::ops::retention::Cleanup;

const SUCCESS: (&str, &str) = (
    "last_run_success",
    "Whether the last cleanup ended with exit code 0",
);

/// The metrics of a run that did not come as far as to have any: the server's clock may be out of reach.
pub(super) fn of_failure() -> String {
    let (name, help) = SUCCESS;
    let mut text = String::new();
    add(&mut text, name, help, &[(String::new(), 0.0)]);
    text
}

/// The metrics of a run that has ended.
pub(super) fn text(cleanup: &Cleanup, view: &CleanupView, suspended: usize, status: ExitStatus) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, help: &str, samples: &[(String, f64)]| add(&mut text, name, help, samples);
    let one = |value: f64| [(String::new(), value)];
    let ended = cleanup.now.as_millisecond() as f64 / 1000.0 + cleanup.elapsed.as_secs_f64();
    metric(
        "last_run_timestamp_seconds",
        "When the last cleanup ended, by the server's clock",
        &one(ended),
    );
    let (name, help) = SUCCESS;
    metric(name, help, &one(f64::from(status == ExitStatus::Done)));
    metric(
        "duration_seconds",
        "How long the last cleanup took",
        &one(cleanup.elapsed.as_secs_f64()),
    );
    metric(
        "longest_transaction_seconds",
        "The longest transaction of the last cleanup",
        &one(cleanup.longest.as_secs_f64()),
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
    metric(
        "rows",
        "Rows that the last cleanup took",
        &by_policy(|policy| policy.rows),
    );
    metric(
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
    metric(
        "tenants",
        "Tenants of the last cleanup by how they fared",
        &tenants,
    );
    text
}

/// Adds a metric with all of its samples.
fn add(text: &mut String, name: &str, help: &str, samples: &[(String, f64)]) {
    let _ = writeln!(text, "# HELP tenantctl_cleanup_{name} {help}");
    let _ = writeln!(text, "# TYPE tenantctl_cleanup_{name} gauge");
    for (labels, value) in samples {
        let _ = writeln!(text, "tenantctl_cleanup_{name}{labels} {value}");
    }
}
