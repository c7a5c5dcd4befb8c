use serde::Serialize;
use serde_json::json;

use super::failed_view::Accounted;
use crate::cli::args::{Confirmation, JobArgs, TenantSelection, name_them};
use crate::context::Context;
use crate::db::Db;
use crate::error::fleet_status;
use crate::exit::ExitStatus;
use crate::fleet::{OnError, Report};
use crate::ops::update;
use crate::tenant::{Selection, Slug, Status, Which};
use crate::ui::{Column, Table, View};
use crate::words;

/// Suspend tenants: hide them from applications, keep their data
///
/// A suspended tenant keeps its row and its schema. `resolve` no longer answers with it, and work over all tenants
/// leaves it out unless `--inactive` is given.
#[derive(Debug, clap::Args)]
#[command(mut_arg("all", |all| all.help("All active tenants; asks first")))]
#[command(mut_arg("inactive", |inactive| inactive.hide(true)))]
pub(crate) struct SuspendArgs {
    #[command(flatten)]
    pub(super) tenants: StatusArgs,
}

/// Bring suspended tenants back
#[derive(Debug, clap::Args)]
#[command(mut_arg("all", |all| all.help("All suspended tenants; asks first")))]
#[command(mut_arg("inactive", |inactive| inactive.hide(true)))]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(super) tenants: StatusArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    tenants: TenantSelection,
    /// Report the outcome without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    jobs: JobArgs,
}

#[derive(Debug, Serialize)]
struct StatusView {
    dry_run: bool,
    tenants: Vec<StatusRow>,
    #[serde(flatten)]
    rest: Accounted,
}

#[derive(Debug, Serialize)]
struct StatusRow {
    slug: String,
    status: &'static str,
    changed: bool,
}

impl StatusView {
    fn new(report: &Report<update::Report>, dry_run: bool) -> Self {
        let rows = report.done().map(|(slug, updated)| StatusRow {
            slug: slug.to_string(),
            status: updated.after.status.as_str(),
            changed: updated.before.status != updated.after.status,
        });
        Self {
            dry_run,
            tenants: rows.collect(),
            rest: Accounted::of(report),
        }
    }
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

/// So many tenants are named.
const NAMED: usize = 10;

/// What the change is called.
struct Words {
    verb: &'static str,
    doing: &'static str,
    to_be: &'static str,
}

impl Words {
    fn of(status: Status) -> Self {
        match status {
            Status::Suspended => Self {
                verb: "suspend",
                doing: "Suspending",
                to_be: "be suspended",
            },
            Status::Active => Self {
                verb: "resume",
                doing: "Resuming",
                to_be: "be resumed",
            },
        }
    }
}

pub(crate) async fn run(cx: &Context, args: &StatusArgs) -> anyhow::Result<ExitStatus> {
    set_status(cx, args, Status::Suspended).await
}

pub(crate) async fn run_resume(cx: &Context, args: &StatusArgs) -> anyhow::Result<ExitStatus> {
    set_status(cx, args, Status::Active).await
}

async fn set_status(cx: &Context, args: &StatusArgs, status: Status) -> anyhow::Result<ExitStatus> {
    let words = Words::of(status);
    let selection = Selection {
        include_inactive: true,
        ..args.tenants.selection(cx).await?
    };
    let is_of_all = selection.which == Which::All;
    let db = cx.db().await?;
    let mut tenants = selection.resolve(&db.session().await?).await?;
    if is_of_all {
        tenants.retain(|tenant| tenant.status != status);
    }
    if is_of_all && !args.dry_run && !tenants.is_empty() {
        let slugs: Vec<&Slug> = tenants.iter().map(|tenant| &tenant.slug).collect();
        let (named, expected) = name_them(&slugs, words.verb);
        let question = format!("This {}s {named} on {}.", words.verb, db.describe());
        args.confirmation.obtain(cx, question, expected).await?;
    }
    let mut progress = cx.ui.progress(words.doing, tenants.len());
    let request = update::StatusRequest {
        tenants,
        status,
        dry_run: args.dry_run,
        plan: args
            .jobs
            .plan(&cx.settings.fleet, db.capacity(), OnError::Continue),
        log: cx.log_entry(json!({})),
    };
    let report = update::set_status(db, request, &cx.stop, &mut progress).await;
    progress.finish();

    cx.ui.answer(&StatusView::new(&report, args.dry_run))?;
    match report.tenants.len() {
        0 => cx.ui.note("no tenants match"),
        count if args.dry_run => cx.ui.note(format!(
            "{}; dry run: nothing was changed",
            words::count(count, "tenant")
        )),
        _ => {}
    }
    if status == Status::Active {
        say_who_is_behind(cx, db, args, &report).await;
    }
    cx.ui.failures(&report, words.to_be);
    Ok(fleet_status(&report))
}

/// Who was suspended while others were migrated has an old schema, which an application does not expect.
async fn say_who_is_behind(cx: &Context, db: &Db, args: &StatusArgs, report: &Report<update::Report>) {
    let template = cx.settings.tenants.naming.template();
    let (version, behind) = match update::behind(db, template, report).await {
        Ok(Some(found)) => found,
        Ok(None) => return,
        // Whoever may resume tenants may not be one who reads the template.
        Err(error) => {
            tracing::debug!("whether they are behind the template is not known: {error:#}");
            return;
        }
    };
    let names: Vec<String> = behind.iter().map(ToString::to_string).collect();
    let command = match names.as_slice() {
        [name] => format!("tenantctl migrate {name}"),
        _ => "tenantctl migrate --all".to_owned(),
    };
    // They are still suspended.
    let inactive = if args.dry_run { " --inactive" } else { "" };
    cx.ui.warn(format!(
        "behind the template, which is at V{version}: {}; run `{command}{inactive}`",
        words::few(&names, NAMED)
    ));
}
