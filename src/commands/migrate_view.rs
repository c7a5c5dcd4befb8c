//! What `migrate` answers: one line for each way that tenants have gone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::failed_view::FailedView;
use crate::fleet::{Report, words};
use crate::ops::forward::Moved;
use crate::ops::migrate::{Request, Rollout};
use crate::ui::{Cell, Column, Table, View};

#[derive(Debug, Serialize)]
pub(super) struct MigrateView {
    pub(super) dry_run: bool,
    /// The version that everything is to have.
    pub(super) target: Option<i64>,
    pub(super) registry: Vec<String>,
    pub(super) template: Vec<String>,
    pub(super) migrated: Vec<MovedView>,
    pub(super) up_to_date: usize,
    pub(super) failed: Vec<FailedView>,
    pub(super) skipped: Vec<String>,
    pub(super) not_started: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stopped: Option<String>,
    /// With `--dry-run --sql`.
    #[serde(rename = "sql", skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<Vec<FileView>>,
}

/// A file that would be run, and for how many tenants.
#[derive(Debug, Serialize)]
pub(super) struct FileView {
    pub(super) migration: String,
    pub(super) tenants: usize,
    pub(super) sql: String,
}

#[derive(Debug, Serialize)]
pub(super) struct MovedView {
    pub(super) tenant: String,
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
    pub(super) migrations: Vec<String>,
}

impl View for MigrateView {
    /// Tenants that go the same way are one line.
    fn tables(&self) -> Vec<Table> {
        type Way<'a> = (Option<i64>, Option<i64>, &'a [String]);
        let mut ways: BTreeMap<Way<'_>, u64> = BTreeMap::new();
        for moved in &self.migrated {
            *ways.entry((moved.from, moved.to, &moved.migrations)).or_default() += 1;
        }
        let mut table = Table::new([
            Column::text("from"),
            Column::text("to"),
            Column::number("tenants"),
            Column::text("migrations"),
        ]);
        for ((from, to, migrations), count) in ways {
            table.push(vec![
                version(from),
                version(to),
                Cell::Count(count),
                Cell::Text(migrations.join(" ")),
            ]);
        }
        vec![table]
    }

    fn csv(&self) -> Option<Table> {
        let mut table =
            Table::new(["tenant", "from", "to", "migrations", "outcome", "error"].map(Column::text));
        let mut push = |tenant: &str, from, to, migrations: &[String], outcome: &str, error: &str| {
            table.push(vec![
                tenant.into(),
                version(from),
                version(to),
                Cell::Text(migrations.join(" ")),
                outcome.into(),
                error.into(),
            ]);
        };
        let done = if self.dry_run { "pending" } else { "done" };
        for moved in &self.migrated {
            push(&moved.tenant, moved.from, moved.to, &moved.migrations, done, "");
        }
        for failed in &self.failed {
            push(&failed.tenant, None, None, &[], "failed", &failed.error);
        }
        for slug in &self.not_started {
            push(slug, None, None, &[], "not_started", "");
        }
        Some(table)
    }

    fn plain(&self) -> Option<String> {
        self.migrated.is_empty().then(String::new)
    }
}

fn version(version: Option<i64>) -> Cell {
    version.map_or(Cell::None, |version| Cell::Text(format!("V{version}")))
}

impl MigrateView {
    pub(super) fn new(request: &Request, up_to_date: usize) -> Self {
        Self {
            dry_run: false,
            target: request.target(),
            registry: Vec::new(),
            template: Vec::new(),
            migrated: Vec::new(),
            up_to_date,
            failed: Vec::new(),
            skipped: Vec::new(),
            not_started: Vec::new(),
            stopped: None,
            files: None,
        }
    }

    pub(super) fn of(request: &Request, rollout: &Rollout) -> Self {
        let report: &Report<Moved> = &rollout.tenants;
        Self {
            registry: rollout.registry.applied.clone(),
            template: rollout.template.applied.clone(),
            migrated: rollout
                .moved()
                .map(|(slug, moved)| MovedView {
                    tenant: slug.to_string(),
                    from: moved.from,
                    to: moved.to,
                    migrations: moved.applied.clone(),
                })
                .collect(),
            failed: FailedView::all(report),
            skipped: report.skipped().map(|(slug, _)| slug.to_string()).collect(),
            not_started: report.not_started().map(ToString::to_string).collect(),
            stopped: rollout.canaries_failed.as_ref().map(words),
            ..Self::new(request, rollout.up_to_date())
        }
    }
}
