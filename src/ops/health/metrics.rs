//! The report as Prometheus reads it from a file.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{CHECKS, HealthError, Report, Severity};
use crate::ops::prometheus::Metrics;
use crate::ops::whole_file;

/// Writes the file. Without a report it says that the database could not be asked.
pub fn write(path: &Path, report: Option<&Report>) -> Result<(), HealthError> {
    let failed = |source| HealthError::Metrics {
        path: path.to_owned(),
        source,
    };
    whole_file::write(path, text(report).as_bytes()).map_err(failed)
}

fn text(report: Option<&Report>) -> String {
    let mut metrics = Metrics::new("tenantctl");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let up = if report.is_some() { 1.0 } else { 0.0 };
    metrics.one("health_up", "Whether the database could be asked.", up);
    metrics.one(
        "health_timestamp_seconds",
        "When it was asked last.",
        now.as_secs() as f64,
    );
    let Some(report) = report else {
        return metrics.into_text();
    };
    metrics.one(
        "health_duration_seconds",
        "How long the questions took.",
        report.elapsed.as_secs_f64(),
    );
    let per_check = |value: &dyn Fn(&super::Finding) -> usize| -> Vec<(String, f64)> {
        let pairs = CHECKS
            .iter()
            .flat_map(|check| Severity::ALL.map(|severity| (check.name, severity)));
        let pair = |(check, severity): (&str, Severity)| {
            let those = report.findings.iter();
            let those = those.filter(|finding| finding.check == check && finding.severity == severity);
            let labels = format!("{{check=\"{check}\",severity=\"{}\"}}", severity.word());
            (labels, those.map(value).sum::<usize>() as f64)
        };
        pairs.map(pair).collect()
    };
    metrics.each("health_findings", "Findings of each check.", &per_check(&|_| 1));
    metrics.each(
        "health_finding_tenants",
        "Tenants that the findings of each check are about.",
        &per_check(&|finding| finding.tenants.len()),
    );
    let (server, fleet) = (&report.server, &report.fleet);
    let label = |status: &str| format!("{{status=\"{status}\"}}");
    metrics.each(
        "tenants",
        "Tenants in the registry.",
        &[
            (label("active"), fleet.active as f64),
            (label("suspended"), (fleet.tenants - fleet.active) as f64),
        ],
    );
    for (name, help, value) in [
        ("tables", "Tables of the database, catalogs apart.", fleet.tables),
        (
            "indexes",
            "Indexes of the database, catalogs apart.",
            fleet.indexes,
        ),
        (
            "catalog_bytes",
            "Bytes of the catalogs that grow with every tenant.",
            fleet.catalog_bytes,
        ),
        ("connections", "Connections in use.", server.connections),
        (
            "connections_max",
            "Connections that the server takes.",
            server.max_connections,
        ),
        (
            "transaction_id_age",
            "Age of the server's oldest transaction id.",
            server.oldest_transaction_id,
        ),
        (
            "multixact_age",
            "Age of the server's oldest multixact.",
            server.oldest_multixact,
        ),
    ] {
        metrics.one(name, help, value as f64);
    }
    metrics.one(
        "latency_seconds",
        "A round trip to the server.",
        server.latency.as_secs_f64(),
    );
    metrics.into_text()
}
