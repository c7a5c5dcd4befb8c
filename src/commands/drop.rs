use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;

use super::backup_args::{DirArgs, halved, recipients};
use super::failed_view::Accounted;
use crate::cli::args::{Confirmation, JobArgs, name_them, parse_slug};
use crate::context::Context;
use crate::db::Access;
use crate::error::{UsageError, fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::{OnError, Report};
use crate::ops::backup::{Folder, Options, Taken};
use crate::ops::drop::{self, Dropped};
use crate::tenant::{Selection, Slug, Tenant, Which};
use crate::ui::{Cell, Column, Table, View};

/// Remove tenants for good: schema, data and row
///
/// Asks for the slug, and takes a backup first, which `undrop` brings back; nobody writes to the tables while it is
/// taken. The tenant's own role goes as well, where it has one and nothing else depends on that. Nothing else outside the
/// tenant's schema is ever removed: where other objects depend on it, the tenant stays and they are named.
#[derive(Debug, clap::Args)]
pub(crate) struct DropArgs {
    /// Slugs of the tenants
    #[arg(required = true, value_name = "SLUG", value_parser = parse_slug)]
    slugs: Vec<Slug>,
    /// Report what would be removed without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Take no backup first
    #[arg(long, conflicts_with = "dir")]
    no_backup: bool,
    #[command(flatten)]
    dir: DirArgs,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    jobs: JobArgs,
}

#[derive(Debug, Serialize)]
struct DropView {
    dry_run: bool,
    dropped: Vec<DroppedRow>,
    #[serde(flatten)]
    rest: Accounted,
}

#[derive(Debug, Serialize)]
struct DroppedRow {
    slug: String,
    schema: String,
    /// The tenant's own roles that go with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    /// The backup that was taken first.
    backup: Option<String>,
}

impl View for DropView {
    fn tables(&self) -> Vec<Table> {
        let slug = if self.dry_run { "would_drop" } else { "dropped" };
        let mut table = Table::new([slug, "schema", "backup"].map(Column::text));
        for row in &self.dropped {
            table.push(vec![
                row.slug.as_str().into(),
                row.schema.as_str().into(),
                Cell::optional(row.backup.as_deref()),
            ]);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        let verb = if self.dry_run { "would drop" } else { "dropped" };
        let lines: Vec<String> = self
            .dropped
            .iter()
            .map(|row| {
                let roles: Vec<String> = row
                    .roles
                    .iter()
                    .map(|role| format!(" and role `{role}`"))
                    .collect();
                format!(
                    "{verb} tenant `{}` with schema `{}`{}",
                    row.slug,
                    row.schema,
                    roles.concat()
                )
            })
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl DropArgs {
    fn folder(&self, cx: &Context) -> anyhow::Result<PathBuf> {
        let folder = self.dir.folder(cx).map_err(|_| {
            UsageError::new("a backup is taken first, and no folder for backups was named").with_hint(
                "pass `--dir FOLDER`, set `backup.dir` in the configuration, or pass `--no-backup`",
            )
        })?;
        Ok(folder.to_owned())
    }
}

/// The tenants that are gone, or would be.
fn rows(report: &Report<Dropped>) -> Vec<DroppedRow> {
    let row = |(slug, dropped): (&Slug, &Dropped)| {
        let gone = dropped.roles.iter().filter(|former| former.kept.is_none());
        DroppedRow {
            slug: slug.to_string(),
            schema: dropped.schema.to_string(),
            roles: gone.map(|former| former.role.to_string()).collect(),
            backup: dropped
                .backup
                .as_ref()
                .map(|taken| taken.file.display().to_string()),
        }
    };
    report.done().map(row).collect()
}

async fn foresee(cx: &Context, args: &DropArgs, tenants: Vec<Tenant>) -> anyhow::Result<ExitStatus> {
    let db = cx.db().await?;
    let mut progress = cx.ui.progress("Looking", tenants.len());
    let plan = args
        .jobs
        .plan(&cx.settings.fleet, db.capacity(), OnError::Continue);
    let report = drop::foresee(db, tenants, plan, &cx.stop, &mut progress).await;
    progress.finish();

    cx.ui.answer(&DropView {
        dry_run: true,
        dropped: rows(&report),
        rest: Accounted::of(&report),
    })?;
    cx.ui.failures(&report, "be dropped");
    Ok(fleet_status(&report))
}

pub(crate) async fn run(cx: &Context, args: &DropArgs) -> anyhow::Result<ExitStatus> {
    let db = cx.db().await?;
    let selection = Selection {
        which: Which::Slugs(args.slugs.clone()),
        include_inactive: true,
        ..Selection::default()
    };
    let tenants = selection.resolve(&db.session().await?).await?;
    let backup = match args.no_backup {
        true => None,
        false => Some(Options {
            folder: args.folder(cx)?,
            recipients: recipients(cx, &[])?,
            left_out: Vec::new(),
        }),
    };
    if args.dry_run {
        return foresee(cx, args, tenants).await;
    }
    let at_once = match args.no_backup {
        true => db.capacity(),
        false => halved(db)?,
    };
    let (named, expected) = name_them(
        &tenants.iter().map(|tenant| &tenant.slug).collect::<Vec<_>>(),
        "drop",
    );
    let question = format!(
        "This removes {named} with all data from {}. {}",
        db.describe(),
        match &backup {
            Some(options) => format!("A backup in `{}` is taken first.", options.folder.display()),
            None => "It cannot be undone.".to_owned(),
        }
    );
    args.confirmation.obtain(cx, question, expected).await?;

    let folder = backup.as_ref().map(|options| Folder::new(&options.folder));
    let mut progress = cx.ui.progress("Dropping", tenants.len());
    let request = drop::Request {
        tenants,
        options: cx.tenant_options(Access::ReadWrite),
        backup,
        plan: args.jobs.plan(&cx.settings.fleet, at_once, OnError::Stop),
        log: cx.log_entry(json!({})),
    };
    let report = drop::run(db, request, &cx.stop, &mut progress).await;
    progress.finish();

    let dropped = rows(&report);
    let missing = report.done().filter(|(_, dropped)| dropped.schema_was_missing);
    for (slug, dropped) in missing {
        cx.ui.warn(format!(
            "schema `{}` of `{slug}` was gone already",
            dropped.schema
        ));
    }
    for (slug, dropped) in report.done() {
        for former in &dropped.roles {
            if let Some(why) = &former.kept {
                cx.ui.warn(format!(
                    "role `{}` of `{slug}` is still there, with nothing left to reach in the schema: {why}",
                    former.role
                ));
            }
        }
    }
    for row in &dropped {
        if let Some(file) = &row.backup {
            cx.ui.note(format!("backed `{}` up to `{file}`", row.slug));
        }
    }
    cx.ui.answer(&DropView {
        dry_run: false,
        dropped,
        rest: Accounted::of(&report),
    })?;
    cx.ui.failures(&report, "be dropped");
    let taken: Vec<Taken> = report
        .done()
        .filter_map(|(_, dropped)| dropped.backup.clone())
        .collect();
    // Whoever has no key learns from the index alone whose an encrypted backup is.
    let added = match folder {
        Some(folder) if !taken.is_empty() => folder.add(&taken),
        _ => Ok(()),
    };
    let status = fleet_status(&report);
    Ok(match added {
        Ok(()) => status,
        Err(error) => {
            cx.ui.error(&error.into());
            worse(status, ExitStatus::Failed)
        }
    })
}
