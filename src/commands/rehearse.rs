use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::failed_view::FailedView;
use crate::context::Context;
use crate::db::migrator::Standing;
use crate::error::{fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::{Outcome, Report, TenantReport, words};
use crate::ops::clone::Contents;
use crate::ops::migrate::{self, Survey};
use crate::ops::rehearse::{self, Mode, Performed, Rehearsal, Request};
use crate::tenant::Slug;
use crate::ui::{Cell, Column, Table, View, format};

/// How wide the answer is for people.
const WIDTH: usize = 80;

/// A rehearsal in place of the rollout.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rehearsal")]
pub(crate) struct RehearseArgs {
    /// Run the migrations on clones of tenants, report times, locks and rewritten tables, and remove the clones
    ///
    /// Clones are made beside the tenants, or in the database that SHADOW_DATABASE_URL (`database.shadow_url`) names.
    /// Without slugs the largest tenant is cloned. Tenants are only read. A clone holds the schema, the history and the
    /// reference tables: that finds statements that fail and shows locks. How long it takes shows only `--with-data`.
    #[arg(long, conflicts_with_all = [
        "dry_run", "fake", "canary", "check_sql", "max_failures", "on_error", "lock_wait",
    ])]
    rehearse: bool,
    /// With `--rehearse`: this many of the largest tenants [default: 1, or all that were named by slug]
    #[arg(long, value_name = "NUMBER", requires = "rehearse", value_parser = clap::value_parser!(u32).range(1..))]
    tenants: Option<u32>,
    /// With `--rehearse`: clone the rows too; they need as much space once more until the end
    #[arg(long, requires = "rehearse")]
    with_data: bool,
}

#[derive(Debug, Serialize)]
struct RehearseView {
    /// Whether the clones were in a database of their own.
    shadow: bool,
    with_data: bool,
    tenants: Vec<TenantView>,
    failed: Vec<FailedView>,
    not_started: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TenantView {
    tenant: String,
    passed: bool,
    from: Option<i64>,
    rows_copied: u64,
    clone_ms: u64,
    migrations: Vec<MigrationView>,
    not_reached: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MigrationView {
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
            ms: format::milliseconds(performed.elapsed),
            in_transaction: Some(performed.in_transaction),
            locks: locks.collect(),
            rewritten: performed.seen.rewritten.clone(),
            indexes: performed.seen.indexes.clone(),
            error: None,
        }
    }

    fn of_failure(migration: String, elapsed: Duration, error: &anyhow::Error) -> Self {
        Self {
            migration,
            ms: format::milliseconds(elapsed),
            in_transaction: None,
            locks: Vec::new(),
            rewritten: Vec::new(),
            indexes: Vec::new(),
            error: Some(words(error)),
        }
    }

    fn show(&self, out: &mut String) {
        let time = format::duration(Duration::from_millis(self.ms));
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
    fn new(slug: &Slug, rehearsal: Rehearsal, failure: Option<MigrationView>) -> Self {
        let mut migrations: Vec<MigrationView> = rehearsal.performed.iter().map(MigrationView::of).collect();
        let passed = failure.is_none();
        migrations.extend(failure);
        Self {
            tenant: slug.to_string(),
            passed,
            from: rehearsal.from,
            rows_copied: rehearsal.rows,
            clone_ms: format::milliseconds(rehearsal.cloning),
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
            format::count(self.migrations.len(), "migration"),
            format::duration(Duration::from_millis(total)),
            rows(self.rows_copied),
            format::duration(Duration::from_millis(self.clone_ms)),
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
    if names.is_empty() {
        return;
    }
    let indent = heading.len() - heading.trim_start().len() + 2;
    let mut line = heading.to_owned();
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 < names.len() { "," } else { "" };
        if line.chars().count() + name.chars().count() + comma.len() > WIDTH && line.trim() != heading.trim()
        {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(indent);
        }
        let _ = write!(line, "{name}{comma} ");
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

fn rows(number: u64) -> String {
    format::count(usize::try_from(number).unwrap_or(usize::MAX), "row")
}

impl RehearseArgs {
    pub(crate) fn is_wanted(&self) -> bool {
        self.rehearse
    }

    pub(crate) async fn run(
        &self,
        cx: &Context,
        migrate: migrate::Request,
        survey: Survey,
    ) -> anyhow::Result<ExitStatus> {
        let request = Request {
            contents: match self.with_data {
                true => Contents::All,
                false => Contents::Known(cx.settings.reference_tables.clone()),
            },
            largest: self.tenants.map(|number| number as usize),
            shadow: cx.shadow()?,
            migrate,
        };
        let view = RehearseView {
            shadow: request.shadow.is_some(),
            with_data: self.with_data,
            tenants: Vec::new(),
            failed: Vec::new(),
            not_started: Vec::new(),
        };
        let is_behind = |standing: &Standing| {
            request.migrate.how.deep || !standing.pending.is_empty() || standing.check().is_err()
        };
        let candidates = survey
            .behind
            .into_iter()
            .filter(|(_, standing)| is_behind(standing));
        let candidates: Vec<_> = candidates.map(|(tenant, _)| tenant).collect();
        if candidates.is_empty() {
            cx.ui.answer(&view)?;
            cx.ui
                .note("nothing to rehearse: no migration is pending for these tenants");
            return Ok(ExitStatus::Done);
        }
        if let Some(shadow) = &request.shadow {
            cx.ui.note(format!("rehearsing in {}", shadow.describe()));
        }

        let mut progress = cx.ui.steps("Rehearsing");
        let report = rehearse::run(cx.db().await?, &request, candidates, &cx.stop, &mut progress).await;
        progress.finish();

        let report = report?;
        if report.interrupted {
            anyhow::bail!("interrupted");
        }
        conclude(cx, view, report)
    }
}

/// Shows how it went.
fn conclude(cx: &Context, mut view: RehearseView, report: Report<Rehearsal>) -> anyhow::Result<ExitStatus> {
    let mut mishaps = Vec::new();
    let mut fared = Report::of_not_started([]);
    for TenantReport {
        slug,
        outcome,
        elapsed,
    } in report.tenants
    {
        let outcome = match outcome {
            Outcome::Done(mut rehearsal) => {
                for note in &rehearsal.notes {
                    cx.ui.note(format!("{slug}: {note}"));
                }
                if rehearsal.performed.is_empty() && rehearsal.failure.is_none() {
                    cx.ui.note(format!(
                        "{slug}: nothing to rehearse, its history says that nothing is pending"
                    ));
                }
                let failure = rehearsal.failure.take().map(|failure| {
                    let error = anyhow::Error::new(failure.mishap);
                    let shown = MigrationView::of_failure(failure.migration, failure.elapsed, &error);
                    mishaps.push(error.context(format!("the rehearsal with `{slug}` failed")));
                    shown
                });
                view.tenants.push(TenantView::new(&slug, rehearsal, failure));
                Outcome::Done(())
            }
            Outcome::Failed(error) => {
                view.failed.push(FailedView {
                    tenant: slug.to_string(),
                    error: words(&error),
                });
                Outcome::Failed(error)
            }
            Outcome::Skipped(reason) => Outcome::Skipped(reason),
            Outcome::NotStarted => {
                view.not_started.push(slug.to_string());
                Outcome::NotStarted
            }
        };
        fared.tenants.push(TenantReport {
            slug,
            outcome,
            elapsed,
        });
    }
    cx.ui.answer(&view)?;
    let has_passed = mishaps.is_empty();
    for error in &mishaps {
        cx.ui.error(error);
    }
    cx.ui.failures(&fared, "be rehearsed with");
    if has_passed && !view.with_data && !view.tenants.is_empty() {
        cx.ui
            .note("the clones had no rows: how long it takes, and what fails on data, shows `--with-data`");
    }
    let status = fleet_status(&fared);
    Ok(match has_passed {
        true => status,
        false => worse(status, ExitStatus::No),
    })
}
