//! The answer of `health`, for people, as JSON and as CSV.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::ops::health::{CHECKS, Finding, Fleet, Report, Server, Severity};
use crate::ui::{Cell, Column, Table, View, wrapped};
use crate::words;

/// So many tenants are named to people.
const NAMED: usize = 5;

#[derive(Debug, Serialize)]
pub(super) struct HealthView {
    healthy: bool,
    checked_at: Timestamp,
    took_ms: u64,
    counts: BTreeMap<&'static str, usize>,
    findings: Vec<FindingView>,
    skipped: Vec<&'static str>,
    server: ServerView,
    fleet: FleetView,
    /// Whether people are told when it was.
    #[serde(skip)]
    dated: bool,
}

#[derive(Debug, Serialize)]
struct FindingView {
    severity: &'static str,
    check: &'static str,
    summary: String,
    why: &'static str,
    run: Vec<String>,
    tenant_count: usize,
    tenants: Vec<String>,
    schemas: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ServerView {
    version: String,
    standby: bool,
    latency_ms: f64,
    uptime_seconds: u64,
    connections: i64,
    max_connections: i64,
    idle_connections: i64,
    lock_table: i64,
    autovacuum_workers: i64,
    oldest_transaction_id: i64,
    oldest_multixact: i64,
}

#[derive(Debug, Serialize)]
struct FleetView {
    tenants: i64,
    active: i64,
    schemas: i64,
    tables: i64,
    indexes: i64,
    locks_of_largest_schema: i64,
    catalog_bytes: i64,
}

impl HealthView {
    pub(super) fn new(report: Report, healthy: bool, skipped: &[&'static str], dated: bool) -> Self {
        let counts = Severity::ALL.map(|severity| (severity.word(), report.count(severity)));
        Self {
            healthy,
            checked_at: Timestamp::now(),
            took_ms: words::milliseconds(report.elapsed),
            counts: counts.into(),
            findings: report.findings.into_iter().map(FindingView::new).collect(),
            skipped: skipped.to_vec(),
            server: ServerView::new(&report.server),
            fleet: FleetView::new(&report.fleet),
            dated,
        }
    }

    /// What it comes to, in a line.
    pub(super) fn summary(&self) -> String {
        let count = |severity: Severity| self.counts.get(severity.word()).copied().unwrap_or(0);
        let [critical, warnings, notes] = Severity::ALL.map(count);
        format!(
            "{critical} critical, {}, {}, in {} ms",
            words::count(warnings, "warning"),
            words::count(notes, "note"),
            self.took_ms
        )
    }

    fn head(&self) -> String {
        let ServerView {
            version,
            latency_ms,
            connections,
            max_connections,
            ..
        } = &self.server;
        let standby = if self.server.standby { ", a standby" } else { "" };
        let mut head = String::new();
        if self.dated {
            let _ = writeln!(head, "{}", self.checked_at.strftime("%Y-%m-%d %H:%M:%S UTC"));
        }
        let _ = writeln!(
            head,
            "PostgreSQL {version}{standby}, {latency_ms:.1} ms away, {connections} of {max_connections} connections in use"
        );
        let _ = writeln!(
            head,
            "{}, {}, {}, {} of catalogs",
            words::count(self.fleet.tenants, "tenant"),
            words::count(self.fleet.tables, "table"),
            words::count(self.fleet.indexes, "index"),
            words::bytes(self.fleet.catalog_bytes.unsigned_abs())
        );
        head
    }
}

impl FindingView {
    fn new(finding: Finding) -> Self {
        Self {
            severity: finding.severity.word(),
            check: finding.check,
            summary: finding.summary,
            why: finding.why,
            run: finding.run,
            tenant_count: finding.tenants.len(),
            tenants: finding.tenants,
            schemas: finding.schemas,
        }
    }

    /// The first few that it is about.
    fn about(&self) -> Option<String> {
        let few = |names: &[String]| words::few(names, NAMED);
        let mut parts = Vec::new();
        if !self.tenants.is_empty() {
            parts.push(few(&self.tenants));
        }
        if !self.schemas.is_empty() {
            let word = if self.schemas.len() == 1 {
                "schema"
            } else {
                "schemas"
            };
            parts.push(format!("{word} {}", few(&self.schemas)));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    fn plain(&self) -> String {
        let mut text = format!("\n{}  {}\n", self.severity.to_uppercase(), self.check);
        let mut part = |label: &str, words: &str| {
            text.push_str(&wrapped(
                words.split(' '),
                &format!("  {label}"),
                &" ".repeat(2 + label.len()),
            ));
        };
        part("", &self.summary);
        if let Some(about) = self.about() {
            part("who: ", &about);
        }
        part("why: ", self.why);
        // What is to be run is copied, and a line of it that was broken would be two.
        for (number, line) in self.run.iter().enumerate() {
            let _ = writeln!(text, "  {}{line}", if number == 0 { "run: " } else { "     " });
        }
        text
    }
}

impl ServerView {
    fn new(server: &Server) -> Self {
        Self {
            version: server.version.clone(),
            standby: server.is_standby,
            latency_ms: (server.latency.as_secs_f64() * 1e6).round() / 1e3,
            uptime_seconds: server.uptime.as_secs(),
            connections: server.connections,
            max_connections: server.max_connections,
            idle_connections: server.idle,
            lock_table: server.lock_table,
            autovacuum_workers: server.autovacuum_workers,
            oldest_transaction_id: server.oldest_transaction_id,
            oldest_multixact: server.oldest_multixact,
        }
    }
}

impl FleetView {
    fn new(fleet: &Fleet) -> Self {
        Self {
            tenants: fleet.tenants,
            active: fleet.active,
            schemas: fleet.schemas,
            tables: fleet.tables,
            indexes: fleet.indexes,
            locks_of_largest_schema: fleet.locks,
            catalog_bytes: fleet.catalog_bytes,
        }
    }
}

impl View for HealthView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("severity"),
            Column::text("check"),
            Column::text("summary"),
            Column::number("tenant_count"),
            Column::text("tenants"),
            Column::text("schemas"),
            Column::text("why"),
            Column::text("run"),
        ]);
        for finding in &self.findings {
            table.push(vec![
                finding.severity.into(),
                finding.check.into(),
                finding.summary.as_str().into(),
                Cell::Count(finding.tenant_count as u64),
                Cell::Text(finding.tenants.join(" ")),
                Cell::Text(finding.schemas.join(" ")),
                finding.why.into(),
                Cell::Text(finding.run.join("\n")),
            ]);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        let findings: Vec<String> = self.findings.iter().map(FindingView::plain).collect();
        Some(format!("{}{}", self.head(), findings.concat()))
    }
}

/// All checks there are.
#[derive(Debug, Serialize)]
pub(super) struct ChecksView {
    checks: Vec<CheckView>,
}

#[derive(Debug, Serialize)]
struct CheckView {
    check: &'static str,
    why: &'static str,
}

impl ChecksView {
    pub(super) fn new() -> Self {
        let check = |check: &crate::ops::health::checks::Check| CheckView {
            check: check.name,
            why: check.why,
        };
        Self {
            checks: CHECKS.iter().map(check).collect(),
        }
    }
}

impl View for ChecksView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["check", "why"].map(Column::text));
        for check in &self.checks {
            table.push(vec![check.check.into(), check.why.into()]);
        }
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_run_stays_on_its_line() {
        let command = format!("tenantctl drop {} --no-backup", "long-name-".repeat(8));
        let finding = FindingView {
            severity: "critical",
            check: "schema-missing",
            summary: "1 tenant has no schema".to_owned(),
            why: "every request of these tenants fails",
            run: vec!["tenantctl list-backups".to_owned(), command.clone()],
            tenant_count: 0,
            tenants: Vec::new(),
            schemas: Vec::new(),
        };
        let text = finding.plain();
        assert!(
            text.ends_with(&format!("  run: tenantctl list-backups\n       {command}\n")),
            "{text}"
        );
    }
}
