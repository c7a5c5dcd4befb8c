use serde::Serialize;
use serde_json::json;

use super::tenant_view::TenantView;
use crate::cli::args::{Confirmation, parse_slug};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::ops::backup::{self, BackupError, MoveRequest, Target};
use crate::tenant::{Slug, registry};
use crate::ui::{Cell, Column, Table, View};

/// Move a tenant to another database
///
/// Its schema, rows and row of the registry go there in one transaction and are compared; then the tenant is suspended
/// here, where it stays until it is dropped. Who writes to its tables meanwhile waits, and may then write here what is not
/// there: that is looked for at the end, and exits 1 with the names of the tables. So let applications rest first.
#[derive(Debug, clap::Args)]
pub(crate) struct MoveArgs {
    /// Slug of the tenant
    #[arg(value_parser = parse_slug)]
    slug: Slug,
    /// Where to: `[targets.NAME]` of the configuration
    #[arg(long, value_name = "NAME")]
    to: String,
    /// Report what would be moved without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Serialize)]
struct MoveView {
    dry_run: bool,
    to: String,
    slug: String,
    schema: String,
    /// As it is there; `null` when nothing was changed.
    tenant: Option<TenantView>,
    tables: Option<usize>,
    rows: Option<u64>,
    /// Tables to which somebody wrote here who had waited for the end; `null` when that is not known.
    written_here: Option<Vec<String>>,
}

impl View for MoveView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("slug"),
            Column::text("schema"),
            Column::text("to"),
            Column::number("tables"),
            Column::number("rows"),
        ]);
        table.push(vec![
            self.slug.as_str().into(),
            self.schema.as_str().into(),
            self.to.as_str().into(),
            self.tables
                .map_or(Cell::None, |tables| Cell::Count(tables as u64)),
            self.rows.map_or(Cell::None, Cell::Count),
        ]);
        vec![table]
    }
}

pub(crate) async fn run(cx: &Context, args: &MoveArgs) -> anyhow::Result<ExitStatus> {
    let there = cx.db_of("--to", &args.to).await?;
    let db = cx.db().await?;
    super::backup_args::halved(db)?;
    let tenant = registry::find(&db.session().await?, &args.slug).await?;
    let mut view = MoveView {
        dry_run: args.dry_run,
        to: args.to.clone(),
        slug: tenant.slug.to_string(),
        schema: tenant.schema.to_string(),
        tenant: None,
        tables: None,
        rows: None,
        written_here: None,
    };
    let target = Target {
        slug: None,
        naming: cx.settings.tenants.naming.clone(),
        replace: false,
        keep_text: false,
    };
    if args.dry_run {
        backup::may_move(db, &there, &args.slug, &target).await?;
        cx.ui.answer(&view)?;
        cx.ui.note("dry run: nothing was changed");
        return Ok(ExitStatus::Done);
    }
    let question = format!(
        "This moves `{}` from {} to {} and suspends it here.",
        args.slug,
        db.describe(),
        there.describe()
    );
    args.confirmation
        .obtain(cx, question, args.slug.to_string())
        .await?;
    let request = MoveRequest {
        slug: args.slug.clone(),
        target,
        lock_timeout: cx.settings.tenants.lock_timeout,
        log: cx.log_entry(json!({ "to": args.to })),
    };
    let mut progress = cx.ui.steps("Moving");
    let moved = backup::relocate(db, &there, &request, &mut progress).await;
    progress.finish();

    let moved = moved?;
    view.tenant = Some(TenantView::from(&moved.tenant));
    view.tables = Some(moved.tables);
    view.rows = Some(moved.rows);
    let late = match moved.written_here {
        Ok(tables) => {
            view.written_here = Some(tables.clone());
            (!tables.is_empty()).then(|| BackupError::WrittenHere {
                slug: args.slug.clone(),
                tables,
            })
        }
        Err(error) => Some(BackupError::NotCompared(args.slug.clone(), Box::new(error))),
    };
    cx.ui.answer(&view)?;
    cx.ui.note(format!("`{}` is suspended here", args.slug));
    Ok(match late {
        None => ExitStatus::Done,
        Some(error) => {
            cx.ui.error(&error.into());
            ExitStatus::Failed
        }
    })
}
