use serde::Serialize;
use serde_json::{Value, json};

use super::tenant_view::TenantView;
use crate::blueprint::UnclearText;
use crate::cli::args::parse_slug;
use crate::context::Context;
use crate::error::UsageError;
use crate::exit::ExitStatus;
use crate::fleet::Retry;
use crate::ops::clone::{self, Contents, Report};
use crate::tenant::attribute;
use crate::tenant::{Domain, NewTenant, Slug, Tenant};
use crate::ui::{Cell, Column, Table, View};

/// Copy a tenant with its data, or without
///
/// The rows are copied on the server, in one transaction and from one snapshot, while the original stays in use. Foreign
/// keys are checked, sequences go on where the original's are, and no trigger fires.
#[derive(Debug, clap::Args)]
pub(crate) struct CloneArgs {
    /// Slug of the tenant to copy
    #[arg(value_parser = parse_slug)]
    from: Slug,
    /// Slug of the copy: a-z, 0-9, `-` and `_`
    #[arg(value_parser = parse_slug)]
    to: Slug,
    /// Copy no rows but the history of migrations and the reference tables
    #[arg(long)]
    schema_only: bool,
    /// Name for people [default: the slug]
    #[arg(long, value_parser = attribute::name)]
    name: Option<String>,
    /// Host name that belongs to the copy
    #[arg(long)]
    domain: Option<String>,
    /// Subscription plan [default: the original's]
    #[arg(long, value_parser = attribute::plan)]
    plan: Option<String>,
    /// Region in which the copy lives [default: the original's]
    #[arg(long, value_parser = attribute::region)]
    region: Option<String>,
    /// Anything else worth keeping, as a JSON object [default: the original's]
    #[arg(long, value_name = "JSON", value_parser = attribute::metadata)]
    metadata: Option<Value>,
    /// Copy texts that mention the original's schema in an unclear way as they are
    #[arg(long)]
    keep_text: bool,
    /// Report what would be copied without changing anything
    #[arg(long)]
    dry_run: bool,
}

impl CloneArgs {
    fn domain(&self) -> anyhow::Result<Option<Domain>> {
        if self.from == self.to {
            return Err(
                UsageError::new(format!("`{}` cannot be a copy of itself", self.to))
                    .with_hint("give the copy a slug of its own")
                    .into(),
            );
        }
        Ok(self.domain.as_deref().map(str::parse::<Domain>).transpose()?)
    }

    fn tenant(&self, cx: &Context, from: &Tenant, domain: Option<Domain>) -> anyhow::Result<NewTenant> {
        Ok(NewTenant {
            slug: self.to.clone(),
            schema: cx.settings.tenants.naming.schema_for(&self.to)?,
            role: cx.settings.tenants.naming.role_for(&self.to)?,
            name: self.name.clone().unwrap_or_else(|| self.to.to_string()),
            domain,
            plan: self.plan.clone().unwrap_or_else(|| from.plan.clone()),
            region: self.region.clone().or_else(|| from.region.clone()),
            metadata: self.metadata.clone().unwrap_or_else(|| from.metadata.clone()),
        })
    }
}

#[derive(Debug, Serialize)]
struct CloneView {
    dry_run: bool,
    schema_only: bool,
    from: String,
    slug: String,
    schema: String,
    /// `null` when nothing was changed.
    tenant: Option<TenantView>,
    rows: u64,
    tables: Vec<TableRow>,
}

#[derive(Debug, Serialize)]
struct TableRow {
    table: String,
    rows: u64,
}

impl CloneView {
    fn new(args: &CloneArgs, to: &NewTenant, report: &Report) -> Self {
        let tables: Vec<TableRow> = report
            .tables
            .iter()
            .map(|copied| TableRow {
                table: copied.table.clone(),
                rows: copied.rows,
            })
            .collect();
        Self {
            dry_run: args.dry_run,
            schema_only: args.schema_only,
            from: args.from.to_string(),
            slug: to.slug.to_string(),
            schema: to.schema.to_string(),
            tenant: report.tenant.as_ref().map(TenantView::from),
            rows: tables.iter().map(|table| table.rows).sum(),
            tables,
        }
    }
}

impl View for CloneView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("slug"),
            Column::text("schema"),
            Column::number("tables"),
            Column::number("rows"),
        ]);
        table.push(vec![
            self.slug.as_str().into(),
            self.schema.as_str().into(),
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
        for copied in &self.tables {
            table.push(vec![
                self.slug.as_str().into(),
                self.schema.as_str().into(),
                copied.table.as_str().into(),
                Cell::Count(copied.rows),
            ]);
        }
        Some(table)
    }
}

pub(crate) async fn run(cx: &Context, args: &CloneArgs) -> anyhow::Result<ExitStatus> {
    let domain = args.domain()?;
    cx.settings.tenants.naming.schema_for(&args.to)?;
    cx.settings.tenants.naming.role_for(&args.to)?;
    let db = cx.db().await?;
    if db.capacity() < clone::CONNECTIONS {
        return Err(
            UsageError::new("`clone` needs two connections, and the pool has one")
                .with_hint("raise `database.pool_max`")
                .into(),
        );
    }
    let from = clone::original(db, &args.from).await?;
    if !from.is_active() {
        cx.ui
            .note(format!("`{}` is suspended; the copy is active", from.slug));
    }
    let to = args.tenant(cx, &from, domain)?;
    let request = clone::Request {
        from,
        contents: match args.schema_only {
            true => Contents::Only(cx.settings.reference_tables.clone()),
            false => Contents::All,
        },
        unclear: match args.keep_text {
            true => UnclearText::Keep,
            false => UnclearText::Refuse,
        },
        lock_timeout: cx.settings.tenants.lock_timeout,
        retry: Retry {
            times: cx.settings.fleet.retries,
        },
        dry_run: args.dry_run,
        log: cx.log_entry(json!({ "from": args.from.as_str(), "schema_only": args.schema_only })),
        to,
    };

    let mut progress = cx.ui.steps("Cloning");
    let result = clone::run(db, &request, &cx.stop, &mut progress).await;
    progress.finish();

    let report = result?;
    for note in &report.notes {
        cx.ui.note(note);
    }
    cx.ui.answer(&CloneView::new(args, &request.to, &report))?;
    if args.dry_run {
        cx.ui.note("dry run: nothing was changed");
    }
    Ok(ExitStatus::Done)
}
