//! How rehearsals are shown.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::failed_view::FailedView;
use crate::fleet::words;
use crate::ops::rehearse::{Mode, Performed, Rehearsal};
use crate::tenant::Slug;
use crate::ui::{Cell, Column, Table, View, wrapped};
use crate::words;

#[derive(Debug, Serialize)]
pub(super) struct RehearseView {
    /// Whether the clones were in a database of their own.
    pub(super) shadow: bool,
    pub(super) with_data: bool,
    pub(super) tenants: Vec<TenantView>,
    pub(super) failed: Vec<FailedView>,
    pub(super) not_started: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct TenantView {
    tenant: String,
    passed: bool,
    from: Option<i64>,
    rows_copied: u64,
    clone_ms: u64,
    migrations: Vec<MigrationView>,
    not_reached: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct MigrationView {
    migration: String,
    ms: u64,
    /// `null` where it failed.
    in_transaction: Option<bool>,
    locks: Vec<LockView>,
    rewritten: Vec<String>,
    indexes: Vec<String>,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct LockView {
    table: String,
    lock: String,
    rows: Option<u64>,
    #[serde(skip)]
    is_of_readers: bool,
}

impl MigrationView {
    fn of(performed: &Performed) -> Self {
        let locks = performed.seen.locks.iter().map(|lock| LockView {
            table: lock.table.clone(),
            lock: lock.mode.to_string(),
            rows: lock.rows,
            is_of_readers: lock.mode == Mode::ACCESS_SHARE,
        });
        Self {
            migration: performed.migration.clone(),
            ms: words::milliseconds(performed.elapsed),
            in_transaction: Some(performed.in_transaction),
            locks: locks.collect(),
            rewritten: performed.seen.rewritten.clone(),
            indexes: performed.seen.indexes.clone(),
            error: None,
        }
    }

    pub(super) fn of_failure(migration: String, elapsed: Duration, error: &anyhow::Error) -> Self {
        Self {
            migration,
            ms: words::milliseconds(elapsed),
            in_transaction: None,
            locks: Vec::new(),
            rewritten: Vec::new(),
            indexes: Vec::new(),
            error: Some(words(error)),
        }
    }

    fn show(&self, out: &mut String) {
        let time = words::duration(Duration::from_millis(self.ms));
        let ending = match (&self.error, self.in_transaction) {
            (Some(_), _) => format!("failed after {time}"),
            (None, Some(false)) => format!("{time}, without a transaction"),
            (None, _) => time,
        };
        let _ = writeln!(out, "  {}: {ending}", self.migration);
        let locks: Vec<&LockView> = self.locks.iter().filter(|lock| !lock.is_of_readers).collect();
        let width = |length: &dyn Fn(&LockView) -> usize| locks.iter().map(|lock| length(lock)).max();
        let tables = width(&|lock| lock.table.chars().count()).unwrap_or(0);
        let modes = width(&|lock| lock.lock.len()).unwrap_or(0);
        for lock in &locks {
            let mut about = Vec::new();
            about.extend(lock.rows.map(rows));
            about.extend(
                self.rewritten
                    .contains(&lock.table)
                    .then(|| "rewritten".to_owned()),
            );
            let line = format!(
                "    {:tables$}  {:modes$}  {}",
                lock.table,
                lock.lock,
                about.join(", ")
            );
            let _ = writeln!(out, "{}", line.trim_end());
        }
        list(out, "    indexes built: ", &self.indexes);
    }
}

impl TenantView {
    pub(super) fn new(slug: &Slug, rehearsal: Rehearsal, failure: Option<MigrationView>) -> Self {
        let mut migrations: Vec<MigrationView> = rehearsal.performed.iter().map(MigrationView::of).collect();
        let passed = failure.is_none();
        migrations.extend(failure);
        Self {
            tenant: slug.to_string(),
            passed,
            from: rehearsal.from,
            rows_copied: rehearsal.rows,
            clone_ms: words::milliseconds(rehearsal.cloning),
            migrations,
            not_reached: rehearsal.not_reached,
        }
    }

    fn show(&self, out: &mut String) {
        let total = self.migrations.iter().map(|migration| migration.ms).sum();
        let _ = writeln!(
            out,
            "{}: {} in {}, on a clone with {} made in {}",
            self.tenant,
            words::count(self.migrations.len(), "migration"),
            words::duration(Duration::from_millis(total)),
            rows(self.rows_copied),
            words::duration(Duration::from_millis(self.clone_ms)),
        );
        for migration in &self.migrations {
            migration.show(out);
        }
        list(out, "  not reached: ", &self.not_reached);
    }
}

impl View for RehearseView {
    /// A line for each table that a migration locks.
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("tenant"),
            Column::text("migration"),
            Column::number("ms"),
            Column::text("table"),
            Column::text("lock"),
            Column::number("rows"),
            Column::text("rewritten"),
            Column::text("indexes"),
            Column::text("error"),
        ]);
        for tenant in &self.tenants {
            for migration in &tenant.migrations {
                let mut push = |lock: Option<&LockView>| {
                    let rewritten = lock.map(|lock| migration.rewritten.contains(&lock.table));
                    table.push(vec![
                        tenant.tenant.as_str().into(),
                        migration.migration.as_str().into(),
                        Cell::Count(migration.ms),
                        Cell::optional(lock.map(|lock| lock.table.as_str())),
                        Cell::optional(lock.map(|lock| lock.lock.as_str())),
                        lock.and_then(|lock| lock.rows).map_or(Cell::None, Cell::Count),
                        Cell::optional(rewritten.map(|yes| if yes { "yes" } else { "no" })),
                        Cell::Text(migration.indexes.join(" ")),
                        Cell::optional(migration.error.as_deref()),
                    ]);
                };
                match migration.locks.as_slice() {
                    [] => push(None),
                    locks => locks.iter().for_each(|lock| push(Some(lock))),
                }
            }
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        let mut text = String::new();
        for tenant in self.tenants.iter().filter(|tenant| !tenant.migrations.is_empty()) {
            tenant.show(&mut text);
        }
        Some(text)
    }
}

/// Names after a heading, on as many lines as they need.
fn list(out: &mut String, heading: &str, names: &[String]) {
    let Some((last, others)) = names.split_last() else {
        return;
    };
    let indent = heading.len() - heading.trim_start().len() + 2;
    let mut words: Vec<String> = others.iter().map(|name| format!("{name},")).collect();
    words.push(last.clone());
    let words = words.iter().map(String::as_str);
    out.push_str(&wrapped(words, heading, &" ".repeat(indent)));
}

fn rows(number: u64) -> String {
    words::count(number, "row")
}
