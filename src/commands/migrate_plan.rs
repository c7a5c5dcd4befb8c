//! `migrate --dry-run`: what a run would do, told without changing anything.

use std::time::Duration;

use super::failed_view::FailedView;
use super::migrate_view::{FileView, MigrateView, MovedView};
use crate::config::OutputFormat;
use crate::context::Context;
use crate::error::{UsageError, fleet_status};
use crate::exit::ExitStatus;
use crate::fleet::{Outcome, Report, TenantReport};
use crate::ops::migrate::{self, Closer, Request, Survey};
use crate::ops::template::TemplateError;
use crate::words;

/// Whether the statements of the files belong to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statements {
    Shown,
    LeftOut,
}

/// Refuses what cannot be answered.
pub(super) fn check(cx: &Context, statements: Statements) -> Result<(), UsageError> {
    if statements == Statements::Shown && cx.settings.output == OutputFormat::Csv {
        return Err(UsageError::new("statements are no CSV")
            .with_hint("use `--output json`, or leave `--output` out"));
    }
    Ok(())
}

/// Tells what would be done, and ends as the run itself would as far as that can be known.
pub(super) async fn run(
    cx: &Context,
    statements: Statements,
    request: &Request,
    survey: Survey,
) -> anyhow::Result<ExitStatus> {
    let db = cx.db().await?;
    let template = migrate::look_at_template(db, request, &survey).await?;
    let closer = migrate::look_closer(db, request, &survey).await?;
    let (mut view, report) = plan(request, &survey, closer);
    if let Ok(standing) = &template {
        view.template.clone_from(&standing.pending);
    }
    match (statements, cx.settings.output) {
        (Statements::Shown, OutputFormat::Human) => cx.ui.raw(text(&files(&view, request)).as_bytes())?,
        (Statements::Shown, _) => {
            view.files = Some(files(&view, request));
            cx.ui.answer(&view)?;
        }
        (Statements::LeftOut, _) => cx.ui.answer(&view)?,
    }
    for (what, pending) in [("registry", &view.registry), ("template", &view.template)] {
        if !pending.is_empty() {
            cx.ui.note(format!("{what}: {} pending", pending.join(", ")));
        }
    }
    cx.ui.note(format!(
        "{} would be migrated, {} up to date; dry run: nothing was changed",
        words::count(view.migrated.len(), "tenant"),
        view.up_to_date
    ));
    if let Err(source) = template {
        return Err(TemplateError::Forward {
            schema: request.template.schema.clone(),
            is_embedded: request.template.migrations.is_embedded(),
            source,
        }
        .into());
    }
    cx.ui.failures(&report, "be migrated");
    Ok(fleet_status(&report))
}

/// The answer, and how each tenant would fare.
fn plan(request: &Request, survey: &Survey, closer: Closer) -> (MigrateView, Report<()>) {
    let mut view = MigrateView::new(request, closer.current);
    view.dry_run = true;
    view.registry.clone_from(&survey.registry.pending);
    let mut report = Report::of_not_started([]);
    let mut fares = |slug, outcome| {
        report.tenants.push(TenantReport {
            slug,
            outcome,
            elapsed: Duration::ZERO,
        });
    };
    for (tenant, standing) in closer.behind {
        view.migrated.push(MovedView {
            tenant: tenant.slug.to_string(),
            from: standing.version,
            to: request.target(),
            migrations: standing.pending,
        });
        fares(tenant.slug, Outcome::Done(()));
    }
    for (tenant, error) in closer.unfit {
        fares(tenant.slug, Outcome::Failed(error.into()));
    }
    view.failed = FailedView::all(&report);
    (view, report)
}

/// The files that would be run, each with the number of tenants that need it.
fn files(view: &MigrateView, request: &Request) -> Vec<FileView> {
    let texts = request.template.migrations.texts();
    let files = texts.map(|(migration, sql)| FileView {
        tenants: view
            .migrated
            .iter()
            .filter(|moved| moved.migrations.contains(&migration))
            .count(),
        sql: sql.to_owned(),
        migration,
    });
    files
        .filter(|file| file.tenants > 0 || view.template.contains(&file.migration))
        .collect()
}

fn text(files: &[FileView]) -> String {
    let file = |file: &FileView| {
        let tenants = words::count(file.tenants, "tenant");
        format!("-- {}: {tenants}\n{}\n\n", file.migration, file.sql.trim_end())
    };
    files.iter().map(file).collect()
}
