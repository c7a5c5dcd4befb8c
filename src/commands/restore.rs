use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::backup_args::IdentityArgs;
use super::tenant_view::TenantView;
use crate::cli::args::{Confirmation, parse_slug};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fleet::Retry;
use crate::ops::backup::{self, Identities, RestoreRequest, Restored, Target};
use crate::tenant::Slug;
use crate::ui::{Cell, Column, Table, View};

/// Bring a tenant back from a backup
///
/// The file is read twice: first to find out whether it is whole, before anything is written, and then into one
/// transaction. That commits only if definition, rows and checksums are those of the backup. Asks for the slug where
/// `--replace` would take a tenant's place.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Restore it as another tenant, which takes no domain
    #[arg(long = "as", value_name = "SLUG", value_parser = parse_slug)]
    slug: Option<Slug>,
    /// Put it in the place of the tenant that is there; its row of the registry stays as it is
    #[arg(long)]
    replace: bool,
    /// With `--as`: restore texts that mention the original's schema in an unclear way as they are
    #[arg(long, requires = "slug")]
    keep_text: bool,
    #[command(flatten)]
    identities: IdentityArgs,
    /// Check the file and report what would be restored without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Serialize)]
struct RestoreView {
    dry_run: bool,
    file: String,
    slug: String,
    schema: String,
    /// The slug in the backup.
    from: String,
    taken_at: jiff::Timestamp,
    replaced: bool,
    /// `null` when nothing was changed.
    tenant: Option<TenantView>,
    rows: u64,
    tables: Vec<TableRow>,
    /// The tables whose rows are not in the backup.
    left_out: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TableRow {
    table: String,
    rows: u64,
    sha256: String,
}

impl View for RestoreView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("slug"),
            Column::text("schema"),
            Column::text("taken"),
            Column::number("tables"),
            Column::number("rows"),
        ]);
        table.push(vec![
            self.slug.as_str().into(),
            self.schema.as_str().into(),
            Cell::Time(self.taken_at),
            Cell::Count(self.tables.len() as u64),
            Cell::Count(self.rows),
        ]);
        vec![table]
    }

    fn csv(&self) -> Option<Table> {
        let mut table = Table::new([
            Column::text("slug"),
            Column::text("schema"),
            Column::text("table"),
            Column::number("rows"),
        ]);
        for row in &self.tables {
            table.push(vec![
                self.slug.as_str().into(),
                self.schema.as_str().into(),
                row.table.as_str().into(),
                Cell::Count(row.rows),
            ]);
        }
        Some(table)
    }
}

pub(crate) async fn run(cx: &Context, args: &RestoreArgs) -> anyhow::Result<ExitStatus> {
    let target = Target {
        slug: args.slug.clone(),
        naming: cx.settings.tenants.naming.clone(),
        replace: args.replace,
        keep_text: args.keep_text,
    };
    if let Some(slug) = &args.slug {
        cx.settings.tenants.naming.schema_for(slug)?;
        cx.settings.tenants.naming.role_for(slug)?;
    }
    let request = request(cx, &args.file, args.identities.load()?, target, args.dry_run);
    bring_back(cx, request, Some(&args.confirmation)).await
}

pub(super) fn request(
    cx: &Context,
    file: &Path,
    identities: Identities,
    target: Target,
    dry_run: bool,
) -> RestoreRequest {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    RestoreRequest {
        file: file.to_owned(),
        identities,
        lock_timeout: cx.settings.tenants.lock_timeout,
        retry: Retry {
            times: cx.settings.fleet.retries,
        },
        dry_run,
        log: cx.log_entry(json!({ "file": name, "replace": target.replace })),
        target,
    }
}

/// Restores it. Agreement is asked for where a tenant that is there would be lost.
pub(super) async fn bring_back(
    cx: &Context,
    request: RestoreRequest,
    confirmation: Option<&Confirmation>,
) -> anyhow::Result<ExitStatus> {
    let db = cx.db().await?;
    let (file, dry_run) = (request.file.clone(), request.dry_run);
    let may_replace = request.target.replace && !dry_run;
    let mut planned = cx.unless_cancelled(backup::plan(request)).await??;
    let left_out = planned.left_out().join("`, `");
    if !left_out.is_empty() {
        cx.ui
            .warn(format!("the rows of `{left_out}` are not in this backup"));
    }
    if let Some(confirmation) = confirmation.filter(|_| may_replace)
        && planned.replaces(db).await?
    {
        let question = format!(
            "This puts `{}` in {} back to what it was at {}. What it is now is lost{}.",
            planned.slug(),
            db.describe(),
            planned.taken_at(),
            match left_out.as_str() {
                "" => String::new(),
                tables => format!(", and the rows of `{tables}` do not come back"),
            }
        );
        confirmation
            .obtain(cx, question, planned.slug().to_string())
            .await?;
    }
    let mut progress = cx.ui.steps("Restoring");
    let result = planned.carry_out(db, &cx.stop, &mut progress).await;
    progress.finish();

    let restored = result?;
    cx.ui.answer(&RestoreView::new(&file, dry_run, &restored))?;
    if dry_run {
        cx.ui.note("dry run: nothing was changed");
    }
    Ok(ExitStatus::Done)
}

impl RestoreView {
    fn new(file: &Path, dry_run: bool, restored: &Restored) -> Self {
        let rows = restored.sums.tables.iter().map(|sum| TableRow {
            table: sum.name.clone(),
            rows: sum.rows,
            sha256: sum.sha256.clone(),
        });
        Self {
            dry_run,
            file: file.display().to_string(),
            slug: restored.slug.to_string(),
            schema: restored.schema.to_string(),
            from: restored.manifest.tenant.slug.clone(),
            taken_at: restored.manifest.taken_at,
            replaced: restored.replaced,
            tenant: restored.tenant.as_ref().map(TenantView::from),
            rows: restored.sums.rows(),
            tables: rows.collect(),
            left_out: restored.manifest.definition.left_out.clone(),
        }
    }
}
