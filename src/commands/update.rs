use serde_json::{Value, json};

use super::tenant_view::OneTenantView;
use crate::cli::args::parse_slug;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::ops::update;
use crate::tenant::attribute;
use crate::tenant::{Change, Changes, Domain, Slug};

/// Change what the registry knows of a tenant
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
pub(crate) struct UpdateArgs {
    /// Slug of the tenant
    #[arg(value_parser = parse_slug)]
    slug: Slug,
    /// Name for people
    #[arg(long, group = "change", value_parser = attribute::name)]
    name: Option<String>,
    /// Host name that belongs to the tenant
    #[arg(long, group = "change")]
    domain: Option<String>,
    /// Take the tenant's domain away
    #[arg(long, group = "change", conflicts_with = "domain")]
    no_domain: bool,
    /// Subscription plan
    #[arg(long, group = "change", value_parser = attribute::plan)]
    plan: Option<String>,
    /// Region in which the tenant lives
    #[arg(long, group = "change", value_parser = attribute::region)]
    region: Option<String>,
    /// Take the tenant's region away
    #[arg(long, group = "change", conflicts_with = "region")]
    no_region: bool,
    /// JSON object to lay over the metadata; a key set to `null` is removed
    #[arg(long, group = "change", value_name = "JSON", value_parser = attribute::metadata)]
    metadata: Option<Value>,
    /// Report the outcome without changing anything
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(cx: &Context, args: &UpdateArgs) -> anyhow::Result<ExitStatus> {
    fn change<T>(value: Option<T>, clear: bool) -> Change<T> {
        match value {
            Some(value) => Change::Set(value),
            None if clear => Change::Clear,
            None => Change::Keep,
        }
    }
    let domain = args.domain.as_deref().map(str::parse::<Domain>).transpose()?;
    let changed: Vec<&str> = [
        ("name", args.name.is_some()),
        ("domain", domain.is_some() || args.no_domain),
        ("plan", args.plan.is_some()),
        ("region", args.region.is_some() || args.no_region),
        ("metadata", args.metadata.is_some()),
    ]
    .into_iter()
    .filter_map(|(column, changes)| changes.then_some(column))
    .collect();
    let request = update::Request {
        slug: args.slug.clone(),
        change: update::Change::Columns(Changes {
            name: args.name.clone(),
            domain: change(domain, args.no_domain),
            plan: args.plan.clone(),
            region: change(args.region.clone(), args.no_region),
            metadata: args.metadata.clone(),
        }),
        dry_run: args.dry_run,
        log: cx.log_entry(json!({ "changed": changed })),
    };
    let report = update::run(cx.db().await?, &request).await?;
    cx.ui.answer(&OneTenantView {
        dry_run: Some(args.dry_run),
        ..OneTenantView::new(&report.after)
    })?;
    if args.dry_run {
        cx.ui.note("dry run: nothing was changed");
    } else if report.before == report.after {
        cx.ui.note("nothing was different");
    }
    Ok(ExitStatus::Done)
}
