use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::create_view::CreateView;
use super::seed;
use super::seed_view::SeedView;
use crate::blueprint::UnclearText;
use crate::cli::args::{JobArgs, parse_slug};
use crate::context::Context;
use crate::db::SchemaName;
use crate::error::{UsageError, fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::{OnError, Report};
use crate::ops::create;
use crate::ops::log::Ran;
use crate::ops::seed::{Data, Seeded};
use crate::tenant::attribute;
use crate::tenant::batch::{self, Defaults, Format};
use crate::tenant::{Domain, Naming, NewTenant, Slug, Tenant};
use crate::words;

/// Create tenants: a row and a schema each, both or neither
///
/// Each tenant is made from the template in a transaction of its own.
///
/// Many tenants come from a file. In CSV the first line names the columns; `slug` must be there, `name`, `domain`,
/// `plan`, `region` and `metadata` (a JSON object) may be. An empty value counts as not given. JSON is an array of
/// objects with the same fields, or one object a line; TOML has a table `[[tenants]]` for each. Everything that is wrong with a file is said at once, by line,
/// and then nothing is created.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tenantctl create acme --plan pro --domain acme.example
  tenantctl create --from-file tenants.csv --plan basic --if-not-exists
  psql -XAtc 'select json_build_object($$slug$$, code) from customers' | tenantctl create --from-file -")]
pub(crate) struct CreateArgs {
    /// Slugs of the new tenants: a-z, 0-9, `-` and `_`
    #[arg(required_unless_present = "from_file", value_name = "SLUG", value_parser = parse_slug)]
    slugs: Vec<Slug>,
    /// Tenants listed in this file, CSV, JSON or TOML; `-` reads standard input
    ///
    /// By the ending `.csv`, `.json`, `.jsonl`, `.ndjson` or `.toml`; otherwise what begins with `[` or `{` is JSON.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["slugs", "name", "domain"])]
    from_file: Option<PathBuf>,
    /// Name for people, for a single tenant [default: the slug]
    #[arg(long, value_parser = attribute::name)]
    name: Option<String>,
    /// Host name that belongs to the tenant, for a single tenant
    #[arg(long)]
    domain: Option<String>,
    /// Subscription plan, for those of a file that name none [default: the configuration's `tenants.default_plan`]
    #[arg(long, value_parser = attribute::plan)]
    plan: Option<String>,
    /// Region in which the tenant lives, for those of a file that name none
    #[arg(long, value_parser = attribute::region)]
    region: Option<String>,
    /// Anything else worth keeping, as a JSON object; for those of a file that have none
    #[arg(long, value_name = "JSON", value_parser = attribute::metadata)]
    metadata: Option<Value>,
    /// Leave a tenant that exists already as it is, and call that success
    #[arg(long)]
    if_not_exists: bool,
    /// Copy texts that mention the template's schema in an unclear way as they are
    #[arg(long)]
    keep_text: bool,
    /// Fill the new tenants with demo data, as `tenantctl seed` does when told nothing else
    #[arg(long)]
    seed: bool,
    /// Report what would be created without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    jobs: JobArgs,
}

impl CreateArgs {
    fn unclear(&self) -> UnclearText {
        match self.keep_text {
            true => UnclearText::Keep,
            false => UnclearText::Refuse,
        }
    }

    async fn tenants(&self, cx: &Context) -> anyhow::Result<Vec<NewTenant>> {
        let defaults = Defaults {
            plan: self
                .plan
                .clone()
                .unwrap_or_else(|| cx.settings.tenants.default_plan.clone()),
            region: self.region.clone(),
            metadata: self.metadata.clone().unwrap_or_else(|| json!({})),
        };
        let naming = &cx.settings.tenants.naming;
        match &self.from_file {
            Some(file) => {
                let text = cx.read_text(file).await?;
                batch::read(&text, Format::of(file, &text), naming, &defaults).map_err(|error| {
                    UsageError::new(format!("file `{}`: {error}", file.display()))
                        .with_hint(error.hint())
                        .into()
                })
            }
            None => self.named(naming, &defaults),
        }
    }

    /// The tenants of the command line.
    fn named(&self, naming: &Naming, defaults: &Defaults) -> anyhow::Result<Vec<NewTenant>> {
        let single = self.slugs.len() == 1;
        for (given, flag) in [
            (self.name.is_some(), "--name"),
            (self.domain.is_some(), "--domain"),
        ] {
            if given && !single {
                return Err(UsageError::new(format!(
                    "`{flag}` belongs to one tenant, and several are created"
                ))
                .with_hint("list them with their names and domains in a file for `--from-file`")
                .into());
            }
        }
        let domain = self.domain.as_deref().map(str::parse::<Domain>).transpose()?;
        let mut owners: HashMap<SchemaName, &Slug> = HashMap::new();
        let mut tenants: Vec<NewTenant> = Vec::new();
        for slug in &self.slugs {
            let schema = naming.schema_for(slug)?;
            if let Some(other) = owners.insert(schema.clone(), slug) {
                return Err(UsageError::new(format!(
                    "`{slug}` and `{other}` would share the schema `{schema}`"
                ))
                .with_hint("name each tenant once; `-` and `_` count as the same here")
                .into());
            }
            tenants.push(NewTenant {
                role: naming.role_for(slug)?,
                slug: slug.clone(),
                schema,
                name: self.name.clone().unwrap_or_else(|| slug.to_string()),
                domain: domain.clone(),
                plan: defaults.plan.clone(),
                region: defaults.region.clone(),
                metadata: defaults.metadata.clone(),
            });
        }
        Ok(tenants)
    }

    /// What the operation log says of the call.
    fn details(&self) -> Value {
        let mut details = json!({ "plan": self.plan, "region": self.region });
        if let Some(file) = &self.from_file {
            details["from_file"] = json!(file.display().to_string());
        }
        details
    }
}

pub(crate) async fn run(cx: &Context, args: &CreateArgs) -> anyhow::Result<ExitStatus> {
    let tenants = args.tenants(cx).await?;
    cx.db().await?;
    if args.dry_run {
        return dry_run(cx, args, tenants).await;
    }
    let data = match args.seed {
        true => Some(seed::usual_data(cx).await?),
        false => None,
    };
    let how = How {
        unclear: args.unclear(),
        if_not_exists: args.if_not_exists,
        details: args.details(),
    };
    let report = make(cx, tenants, &args.jobs, how).await?;
    let tenants: Vec<Tenant> = report.done().map(|(_, tenant)| tenant.clone()).collect();
    let seeded = match data {
        Some(data) if !tenants.is_empty() => Some(fill(cx, args, data, tenants, report.interrupted).await),
        _ => None,
    };
    let created: HashSet<Slug> = report.done().map(|(slug, _)| slug.clone()).collect();
    let view_of = |seeded: &SeededAll| SeedView::new(&seeded.data, &seeded.ran.report, &created);
    let view = CreateView::new(&report, seeded.as_ref().map(view_of));
    cx.ui.answer(&view)?;
    if created.len() > 1 {
        cx.ui
            .note(format!("created {}", words::count(created.len(), "tenant")));
    }
    cx.ui.failures(&report, "be created");
    let status = fleet_status(&report);
    match (seeded, &view.seed) {
        (
            Some(SeededAll {
                failure: Some(error), ..
            }),
            _,
        ) => Err(error),
        (Some(seeded), Some(view)) => Ok(worse(status, seed::tell(cx, view, &seeded.ran))),
        _ => Ok(status),
    }
}

/// What came of filling new tenants.
struct SeededAll {
    data: Data,
    ran: Ran<Seeded>,
    /// Why it never began.
    failure: Option<anyhow::Error>,
}

/// Fills the tenants that were created. They stay whatever comes of it, so the answer tells of them in any case.
async fn fill(
    cx: &Context,
    args: &CreateArgs,
    data: Data,
    tenants: Vec<Tenant>,
    interrupted: bool,
) -> SeededAll {
    let slugs: Vec<Slug> = tenants.iter().map(|tenant| tenant.slug.clone()).collect();
    let filled = match interrupted {
        true => Ok(Ran::of_not_started(slugs.clone())),
        false => seed::fill(&cx.named("seed"), data.clone(), tenants, &args.jobs).await,
    };
    let (ran, failure) = match filled {
        Ok(ran) => (ran, None),
        Err(error) => (Ran::of_not_started(slugs), Some(error)),
    };
    SeededAll { data, ran, failure }
}

/// What a call says about all of its tenants.
pub(super) struct How {
    pub(super) unclear: UnclearText,
    pub(super) if_not_exists: bool,
    /// What the operation log says of the call.
    pub(super) details: Value,
}

fn source(cx: &Context, unclear: UnclearText) -> create::Source {
    create::Source {
        template: cx.settings.tenants.naming.template().clone(),
        reference_tables: cx.settings.reference_tables.clone(),
        unclear,
    }
}

/// Makes these tenants.
pub(super) async fn make(
    cx: &Context,
    tenants: Vec<NewTenant>,
    jobs: &JobArgs,
    how: How,
) -> anyhow::Result<Report<Tenant>> {
    let db = cx.db().await?;
    let source = source(cx, how.unclear);
    let original = source.read(db).await?;
    for note in original.notes() {
        cx.ui.note(note);
    }
    let total = tenants.len();
    let request = create::Request {
        source,
        original,
        if_not_exists: how.if_not_exists,
        lock_timeout: cx.settings.tenants.lock_timeout,
        plan: jobs.plan(&cx.settings.fleet, db.capacity(), OnError::Stop),
        log: cx.log_entry(how.details),
        tenants,
    };
    let mut progress = cx.ui.progress("Creating", total);
    let report = create::run(db, request, &cx.stop, &mut progress).await;
    progress.finish();
    Ok(report)
}

async fn dry_run(cx: &Context, args: &CreateArgs, tenants: Vec<NewTenant>) -> anyhow::Result<ExitStatus> {
    let report = create::foresee(
        cx.db().await?,
        &source(cx, args.unclear()),
        tenants,
        args.if_not_exists,
    )
    .await?;
    cx.ui.answer(&CreateView::dry(&report))?;
    cx.ui.failures(&report, "be created");
    cx.ui.note("dry run: nothing was changed");
    Ok(match fleet_status(&report) {
        ExitStatus::Done => ExitStatus::Done,
        // The first failure would have stopped the others, or not.
        _ => ExitStatus::Failed,
    })
}
