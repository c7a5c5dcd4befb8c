use serde::Serialize;
use serde_json::{Value, json};

use super::tenant_view::TenantView;
use crate::blueprint::UnclearText;
use crate::cli::args::{JobArgs, parse_metadata, parse_name, parse_plan, parse_region, parse_slug};
use crate::context::Context;
use crate::error::{UsageError, fleet_status};
use crate::exit::ExitStatus;
use crate::fleet::OnError;
use crate::ops::create;
use crate::tenant::{Domain, NewTenant, Slug};
use crate::ui::{Cell, Column, Table, View, format};

/// Create tenants: a row in the registry and a schema, both or neither
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Slugs of the new tenants: a-z, 0-9, `-` and `_`
    #[arg(required = true, value_name = "SLUG", value_parser = parse_slug)]
    slugs: Vec<Slug>,
    /// Name for people, for a single tenant [default: the slug]
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// Host name that belongs to the tenant, for a single tenant
    #[arg(long)]
    domain: Option<String>,
    /// Subscription plan [default: the configuration's `tenants.default_plan`]
    #[arg(long, value_parser = parse_plan)]
    plan: Option<String>,
    /// Region in which the tenant lives
    #[arg(long, value_parser = parse_region)]
    region: Option<String>,
    /// Anything else worth keeping, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = parse_metadata)]
    metadata: Option<Value>,
    /// Leave a tenant that exists already as it is, and call that success
    #[arg(long)]
    if_not_exists: bool,
    /// Copy texts that mention the template's schema in an unclear way as they are
    #[arg(long)]
    keep_text: bool,
    /// Report what would be created without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    jobs: JobArgs,
}

impl CreateArgs {
    fn tenants(&self, cx: &Context) -> anyhow::Result<Vec<NewTenant>> {
        let settings = &cx.settings.tenants;
        let single = self.slugs.len() == 1;
        for (given, flag) in [
            (self.name.is_some(), "--name"),
            (self.domain.is_some(), "--domain"),
        ] {
            if given && !single {
                return Err(UsageError::new(format!(
                    "`{flag}` belongs to one tenant, and several are created"
                ))
                .with_hint("create them one by one, or set it later with `tenantctl update`")
                .into());
            }
        }
        let domain = self.domain.as_deref().map(str::parse::<Domain>).transpose()?;
        let mut tenants: Vec<NewTenant> = Vec::new();
        for slug in &self.slugs {
            let schema = settings.naming.schema_for(slug)?;
            if let Some(other) = tenants.iter().find(|other| other.schema == schema) {
                return Err(UsageError::new(format!(
                    "`{slug}` and `{}` would share the schema `{schema}`",
                    other.slug
                ))
                .with_hint("name each tenant once; `-` and `_` count as the same here")
                .into());
            }
            tenants.push(NewTenant {
                slug: slug.clone(),
                schema,
                name: self.name.clone().unwrap_or_else(|| slug.to_string()),
                domain: domain.clone(),
                plan: self.plan.clone().unwrap_or_else(|| settings.default_plan.clone()),
                region: self.region.clone(),
                metadata: self.metadata.clone().unwrap_or_else(|| json!({})),
            });
        }
        Ok(tenants)
    }
}

#[derive(Debug, Serialize)]
struct CreateView {
    dry_run: bool,
    created: Vec<TenantView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    would_create: Vec<PlannedView>,
    existing: Vec<String>,
    failed: Vec<String>,
    not_started: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PlannedView {
    slug: String,
    schema: String,
    plan: String,
}

impl View for CreateView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["slug", "schema", "plan"].map(Column::text));
        for planned in &self.would_create {
            table.push(vec![
                planned.slug.as_str().into(),
                planned.schema.as_str().into(),
                planned.plan.as_str().into(),
            ]);
        }
        for tenant in &self.created {
            let fields = tenant.fields();
            let field = |name| {
                fields
                    .iter()
                    .find(|(field, _)| *field == name)
                    .map_or(Cell::None, |(_, cell)| cell.clone())
            };
            table.push(vec![field("slug"), field("schema"), field("plan")]);
        }
        vec![table]
    }
}

pub(crate) async fn run(cx: &Context, args: &CreateArgs) -> anyhow::Result<ExitStatus> {
    let tenants = args.tenants(cx)?;
    let db = cx.db().await?;
    if args.dry_run {
        return dry_run(cx, args, &tenants).await;
    }
    let unclear = match args.keep_text {
        true => UnclearText::Keep,
        false => UnclearText::Refuse,
    };
    let original = create::original(
        db,
        cx.settings.tenants.naming.template(),
        &cx.settings.reference_tables,
        unclear,
    )
    .await?;
    for note in original.notes() {
        cx.ui.note(note);
    }
    let total = tenants.len();
    let request = create::Request {
        original,
        if_not_exists: args.if_not_exists,
        lock_timeout: cx.settings.tenants.lock_timeout,
        plan: args.jobs.plan(&cx.settings.fleet, db.capacity(), OnError::Stop),
        log: cx.log_entry(json!({ "plan": args.plan, "region": args.region })),
        tenants,
    };

    let mut progress = cx.ui.progress("Creating", total);
    let report = create::run(db, request, &cx.stop, &mut progress).await;
    progress.finish();

    let slugs = |slugs: Vec<&Slug>| slugs.into_iter().map(ToString::to_string).collect();
    cx.ui.answer(&CreateView {
        dry_run: false,
        created: report.done().map(|(_, tenant)| tenant.into()).collect(),
        would_create: Vec::new(),
        existing: slugs(report.skipped().map(|(slug, _)| slug).collect()),
        failed: slugs(report.failures().map(|(slug, _)| slug).collect()),
        not_started: slugs(report.not_started().collect()),
    })?;
    if report.counts().done > 1 {
        cx.ui.note(format!(
            "created {}",
            format::count(report.counts().done, "tenant")
        ));
    }
    cx.ui.failures(&report, "be created");
    Ok(fleet_status(&report))
}

async fn dry_run(cx: &Context, args: &CreateArgs, tenants: &[NewTenant]) -> anyhow::Result<ExitStatus> {
    let taken = create::taken(cx.db().await?, tenants).await?;
    let is_free = |new: &&NewTenant| !taken.contains(&new.slug);
    cx.ui.answer(&CreateView {
        dry_run: true,
        created: Vec::new(),
        would_create: tenants
            .iter()
            .filter(is_free)
            .map(|new| PlannedView {
                slug: new.slug.to_string(),
                schema: new.schema.to_string(),
                plan: new.plan.clone(),
            })
            .collect(),
        existing: taken.iter().map(ToString::to_string).collect(),
        failed: Vec::new(),
        not_started: Vec::new(),
    })?;
    for slug in &taken {
        cx.ui.note(format!("tenant `{slug}` already exists"));
    }
    cx.ui.note("dry run: nothing was changed");
    Ok(if taken.is_empty() || args.if_not_exists {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}
