use super::failed_view::FailedView;
use super::rehearse_view::{MigrationView, RehearseView, TenantView};
use crate::context::Context;
use crate::db::migrator::Standing;
use crate::error::{fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::{Outcome, Report, TenantReport, words};
use crate::ops::clone::Contents;
use crate::ops::migrate::{self, Survey};
use crate::ops::rehearse::{self, Rehearsal, Request};

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
            .note("the clones had no rows; `--with-data` shows how long it takes, and what fails on data");
    }
    let status = fleet_status(&fared);
    Ok(match has_passed {
        true => status,
        false => worse(status, ExitStatus::No),
    })
}
