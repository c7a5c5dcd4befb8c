use serde::Serialize;
use serde_json::json;

use crate::cli::args::parse_slug;
use crate::context::Context;
use crate::error::diagnose;
use crate::exit::ExitStatus;
use crate::ops::update;
use crate::tenant::{Slug, Status};
use crate::ui::{Column, Table, View};

/// Suspend tenants: hide them from applications, keep their data
///
/// A suspended tenant keeps its row and its schema. `resolve` no longer answers with it, and work over all tenants
/// leaves it out unless `--inactive` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct SuspendArgs {
    #[command(flatten)]
    pub(super) tenants: StatusArgs,
}

/// Bring suspended tenants back
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(super) tenants: StatusArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Slugs of the tenants
    #[arg(required = true, value_name = "SLUG", value_parser = parse_slug)]
    slugs: Vec<Slug>,
    /// Report the outcome without changing anything
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct StatusView {
    dry_run: bool,
    tenants: Vec<StatusRow>,
}

#[derive(Debug, Serialize)]
struct StatusRow {
    slug: String,
    status: &'static str,
    changed: bool,
}

impl View for StatusView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["slug", "status", "changed"].map(Column::text));
        for row in &self.tenants {
            table.push(vec![
                row.slug.as_str().into(),
                row.status.into(),
                if row.changed { "yes" } else { "no" }.into(),
            ]);
        }
        vec![table]
    }
}

pub(crate) async fn run(cx: &Context, args: &StatusArgs) -> anyhow::Result<ExitStatus> {
    set_status(cx, args, Status::Suspended).await
}

pub(crate) async fn run_resume(cx: &Context, args: &StatusArgs) -> anyhow::Result<ExitStatus> {
    set_status(cx, args, Status::Active).await
}

async fn set_status(cx: &Context, args: &StatusArgs, status: Status) -> anyhow::Result<ExitStatus> {
    let db = cx.db().await?;
    let mut tenants = Vec::new();
    let mut failure = None;
    for slug in &args.slugs {
        let request = update::Request {
            slug: slug.clone(),
            change: update::Change::Status(status),
            dry_run: args.dry_run,
            log: cx.log_entry(json!({})),
        };
        match update::run(db, &request).await {
            Ok(report) => tenants.push(StatusRow {
                slug: slug.to_string(),
                status: report.after.status.as_str(),
                changed: report.before.status != report.after.status,
            }),
            Err(error) => {
                let diagnosis = diagnose(&error);
                cx.ui.error(&error);
                failure.get_or_insert(diagnosis.status);
            }
        }
    }
    let some_done = !tenants.is_empty();
    if some_done {
        cx.ui.answer(&StatusView {
            dry_run: args.dry_run,
            tenants,
        })?;
    }
    Ok(match failure {
        None => ExitStatus::Done,
        Some(_) if some_done => ExitStatus::Partial,
        Some(status) => status,
    })
}
