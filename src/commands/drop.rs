use serde::Serialize;
use serde_json::json;

use crate::cli::args::{Confirmation, JobArgs, name_them, parse_slug};
use crate::context::Context;
use crate::db::Access;
use crate::error::fleet_status;
use crate::exit::ExitStatus;
use crate::fleet::OnError;
use crate::ops::drop;
use crate::tenant::{Selection, Slug, Which};
use crate::ui::{Column, Table, View};

/// Remove tenants for good: schema, data and row
///
/// Asks for the slug. Nothing outside the tenant's schema is ever removed: where other objects depend on it, the
/// tenant stays and they are named.
#[derive(Debug, clap::Args)]
pub(crate) struct DropArgs {
    /// Slugs of the tenants
    #[arg(required = true, value_name = "SLUG", value_parser = parse_slug)]
    slugs: Vec<Slug>,
    /// Report what would be removed without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    jobs: JobArgs,
}

#[derive(Debug, Serialize)]
struct DropView {
    dry_run: bool,
    dropped: Vec<DroppedRow>,
}

#[derive(Debug, Serialize)]
struct DroppedRow {
    slug: String,
    schema: String,
}

impl View for DropView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["dropped", "schema"].map(Column::text));
        for row in &self.dropped {
            table.push(vec![row.slug.as_str().into(), row.schema.as_str().into()]);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        let verb = if self.dry_run { "would drop" } else { "dropped" };
        let lines: Vec<String> = self
            .dropped
            .iter()
            .map(|row| format!("{verb} tenant `{}` with schema `{}`", row.slug, row.schema))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

pub(crate) async fn run(cx: &Context, args: &DropArgs) -> anyhow::Result<ExitStatus> {
    let db = cx.db().await?;
    let selection = Selection {
        which: Which::Slugs(args.slugs.clone()),
        include_inactive: true,
        ..Selection::default()
    };
    let tenants = selection.resolve(&db.session().await?).await?;
    if args.dry_run {
        let dropped = tenants
            .iter()
            .map(|tenant| DroppedRow {
                slug: tenant.slug.to_string(),
                schema: tenant.schema.to_string(),
            })
            .collect();
        cx.ui.answer(&DropView {
            dry_run: true,
            dropped,
        })?;
        return Ok(ExitStatus::Done);
    }
    let (named, expected) = name_them(
        &tenants.iter().map(|tenant| &tenant.slug).collect::<Vec<_>>(),
        "drop",
    );
    let question = format!(
        "This removes {named} with all data from {}. It cannot be undone.",
        db.describe()
    );
    args.confirmation.obtain(cx, question, expected).await?;

    let mut progress = cx.ui.progress("Dropping", tenants.len());
    let request = drop::Request {
        tenants,
        options: cx.tenant_options(Access::ReadWrite),
        plan: args.jobs.plan(&cx.settings.fleet, db.capacity(), OnError::Stop),
        log: cx.log_entry(json!({})),
    };
    let report = drop::run(db, request, &cx.stop, &mut progress).await;
    progress.finish();

    let dropped: Vec<DroppedRow> = report
        .done()
        .map(|(slug, dropped)| DroppedRow {
            slug: slug.to_string(),
            schema: dropped.schema.to_string(),
        })
        .collect();
    let missing = report.done().filter(|(_, dropped)| dropped.schema_was_missing);
    for (slug, dropped) in missing {
        cx.ui.warn(format!(
            "schema `{}` of `{slug}` was gone already",
            dropped.schema
        ));
    }
    cx.ui.answer(&DropView {
        dry_run: false,
        dropped,
    })?;
    cx.ui.failures(&report, "be dropped");
    Ok(fleet_status(&report))
}
