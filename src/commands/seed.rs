use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::json;

use super::create;
use super::seed_view::SeedView;
use crate::blueprint::UnclearText;
use crate::cli::args::{Confirmation, JobArgs, TenantFilter, name_them, parse_slug, slugs_in};
use crate::context::Context;
use crate::db::Access;
use crate::error::{UsageError, fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::{OnError, Report};
use crate::ops::application::Origin;
use crate::ops::create::registered;
use crate::ops::log::Ran;
use crate::ops::seed::{self, DAYS, Data, Fixture, Password, Seeded, UNTIL, USERS};
use crate::tenant::batch::{self, Defaults, Format};
use crate::tenant::{App, NewTenant, Selection, Slug, Tenant, Which};
use crate::words;

/// Create demo tenants and fill them with data
///
/// Three tenants, one of each plan, get users with their roles and some weeks of work. The same parameters give the same
/// rows, whenever they are used; what is there already stays, so a second run changes nothing. All of a tenant's data is
/// one transaction.
///
/// The data comes from SQL: the program's own for its applications, or a file of yours with the parameters :days, :users,
/// :seed, :'until', :'tenant', :'plan' and :'password_hash'. Who can log in is told by its last statement, in a column
/// `login`. The password is that of SEED_ADMIN_PASSWORD; without it one is made up and shown once.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("existing").args(["into", "all", "from_file"])))]
#[command(after_long_help = "\
Examples:
  tenantctl seed
  tenantctl seed --tenants 10 --users 20 --days 90 --until 2026-11-01
  tenantctl seed --into acme --file demo.sql")]
pub(crate) struct SeedArgs {
    /// Demo tenants that there are to be; after those of the list come `demo-4`, `demo-5` and so on
    /// [default: those of the list, three]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "existing")]
    tenants: Option<u16>,
    /// Users in each tenant
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u16).range(USERS))]
    users: u16,
    /// Days of data
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = clap::value_parser!(u16).range(DAYS))]
    days: u16,
    /// What every choice is drawn from
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(i64).range(0..))]
    seed: i64,
    /// The day before which the data ends, such as 2026-11-01 [default: today by the server's clock, in UTC]
    #[arg(long, value_name = "DATE", value_parser = parse_until)]
    until: Option<Date>,
    /// SQL to run in each tenant, in place of the program's own
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Application whose demo tenants and data are used [default: the one that the database has]
    #[arg(long, value_enum, value_name = "NAME")]
    app: Option<App>,
    /// Fill these tenants, and create none
    #[arg(long, value_name = "SLUG", num_args = 1.., value_parser = parse_slug, help_heading = "Tenants")]
    into: Vec<Slug>,
    /// Fill all active tenants, and create none; asks first
    #[arg(long, help_heading = "Tenants")]
    all: bool,
    /// Fill tenants listed in this file, one slug a line, and create none; `-` reads standard input
    #[arg(long, value_name = "FILE", help_heading = "Tenants")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    filter: TenantFilter,
    /// Report which tenants are meant without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    jobs: JobArgs,
}

fn parse_until(text: &str) -> Result<Date, String> {
    let date: Date = text
        .parse()
        .map_err(|_| "write a day as in 2026-11-01".to_owned())?;
    match UNTIL.contains(&date) {
        true => Ok(date),
        false => Err(format!(
            "{date} is not between {} and {}",
            UNTIL.start(),
            UNTIL.end()
        )),
    }
}

impl SeedArgs {
    /// The tenants that were named, when any were.
    async fn existing(&self, cx: &Context) -> anyhow::Result<Option<Selection>> {
        let which = match &self.from_file {
            Some(file) => Which::Slugs(slugs_in(&file.display().to_string(), &cx.read_text(file).await?)?),
            None if self.all => Which::All,
            None if !self.into.is_empty() => Which::Slugs(self.into.clone()),
            None if self.filter.is_empty() => return Ok(None),
            None => {
                return Err(UsageError::new("there is nothing to choose tenants from")
                    .with_hint("name them with `--into`, or pass `--all`; without any of them demo tenants are created")
                    .into());
            }
        };
        Ok(Some(self.filter.selection(which)))
    }

    async fn data(&self, cx: &Context) -> anyhow::Result<Data> {
        let fixture = fixture(cx, self.file.as_deref(), self.app).await?;
        let until = match self.until {
            Some(until) => until,
            None => seed::today(&cx.db().await?.session().await?).await?,
        };
        Ok(Data {
            fixture,
            days: self.days,
            users: self.users,
            seed: self.seed,
            until,
            password: password(cx),
        })
    }

    /// The demo tenants that there are to be.
    async fn demo_tenants(&self, cx: &Context) -> anyhow::Result<Vec<NewTenant>> {
        let settings = &cx.settings.tenants;
        let defaults = Defaults {
            plan: settings.default_plan.clone(),
            region: None,
            metadata: json!({}),
        };
        let read = |name: &str, text: &str, format: Format| {
            batch::read(text, format, &settings.naming, &defaults)
                .map_err(|error| UsageError::new(format!("file `{name}`: {error}")).with_hint(error.hint()))
        };
        let list = match (&cx.settings.seed.tenants, self.app) {
            (Some(file), None) => {
                let text = cx.read_text(file).await?;
                read(&file.display().to_string(), &text, Format::of(file, &text))?
            }
            (_, app) => match app.or(app_of(cx).await?) {
                Some(app) => read(&format!("{app}/tenants.toml"), app.tenants(), Format::Toml)?,
                None => Vec::new(),
            },
        };
        Ok(seed::demo_tenants(
            list,
            self.tenants.map(usize::from),
            &settings.naming,
        )?)
    }
}

/// The application that the database was made for, unless the template is somebody's own.
async fn app_of(cx: &Context) -> anyhow::Result<Option<App>> {
    match cx.settings.template_migrations {
        Some(_) => Ok(None),
        None => Ok(cx.origin().await?.app()),
    }
}

/// The SQL to run: a file that was named, an application's, the configuration's, or that of the database's application.
async fn fixture(cx: &Context, file: Option<&Path>, app: Option<App>) -> anyhow::Result<Fixture> {
    let configured = cx.settings.seed.file.as_deref().filter(|_| app.is_none());
    if let Some(file) = file.or(configured) {
        return Ok(Fixture::parse(
            file.display().to_string(),
            &cx.read_text(file).await?,
        )?);
    }
    let app = match app {
        Some(app) => match cx.origin().await? {
            Origin::App(other) if other != app => {
                return Err(UsageError::new(format!("this database has the application `{other}`, not `{app}`"))
                    .with_hint("leave `--app` out, or name the SQL with `--file`")
                    .into());
            }
            _ => app,
        },
        None => app_of(cx).await?.ok_or_else(|| {
            UsageError::new("there is no demo data for this template").with_hint(
                "name a file of SQL with `--file`, or in `seed.file` of the configuration; `tenantctl init --scaffold` \
                 writes one to begin with",
            )
        })?,
    };
    Ok(Fixture::parse(format!("{app}/seed.sql"), app.seed())?)
}

fn password(cx: &Context) -> Password {
    Password::chosen_or_generated(cx.settings.environment.get("SEED_ADMIN_PASSWORD"))
}

/// What `create --seed` fills its tenants with.
pub(super) async fn usual_data(cx: &Context) -> anyhow::Result<Data> {
    Ok(Data {
        fixture: fixture(cx, None, None).await?,
        days: 30,
        users: 5,
        seed: 1,
        until: seed::today(&cx.db().await?.session().await?).await?,
        password: password(cx),
    })
}

pub(crate) async fn run(cx: &Context, args: &SeedArgs) -> anyhow::Result<ExitStatus> {
    let existing = args.existing(cx).await?;
    let data = args.data(cx).await?;
    let db = cx.db().await?;
    let Some(selection) = existing else {
        return demo(cx, args, data).await;
    };
    let tenants = selection.resolve(&db.session().await?).await?;
    if args.dry_run {
        return dry_run(cx, &data, &slugs_of(&tenants), &[], &nobody());
    }
    if args.all && !tenants.is_empty() {
        let slugs: Vec<&Slug> = tenants.iter().map(|tenant| &tenant.slug).collect();
        let (named, expected) = name_them(&slugs, "seed");
        let question = format!("This writes demo data into {named} on {}.", db.describe());
        args.confirmation.obtain(cx, question, expected).await?;
    }
    let ran = fill(cx, data.clone(), tenants, &args.jobs).await?;
    let view = SeedView::new(&data, &ran.report, &HashSet::new());
    cx.ui.answer(&view)?;
    Ok(tell(cx, &view, &ran))
}

/// Creates the demo tenants that are not there, and fills all of them.
async fn demo(cx: &Context, args: &SeedArgs, data: Data) -> anyhow::Result<ExitStatus> {
    let db = cx.db().await?;
    let wanted = args.demo_tenants(cx).await?;
    let slugs: Vec<Slug> = wanted.iter().map(|tenant| tenant.slug.clone()).collect();
    let there = registered(db, &slugs).await?;
    let known: HashSet<&Slug> = there.iter().map(|tenant| &tenant.slug).collect();
    let new: Vec<NewTenant> = wanted
        .into_iter()
        .filter(|new| !known.contains(&new.slug))
        .collect();
    if args.dry_run {
        let new: Vec<Slug> = new.into_iter().map(|tenant| tenant.slug).collect();
        let (active, suspended) = without_suspended(there);
        return dry_run(cx, &data, &slugs_of(&active), &new, &suspended);
    }
    if new.is_empty() {
        let ran = fill_active(cx, &data, there, &args.jobs).await?;
        let view = SeedView::new(&data, &ran.report, &HashSet::new());
        cx.ui.answer(&view)?;
        return Ok(tell(cx, &view, &ran));
    }
    let how = create::How {
        unclear: UnclearText::Refuse,
        if_not_exists: true,
        details: json!({ "for": "seed" }),
    };
    let creation = create::make(&cx.named("create"), new, &args.jobs, how).await?;
    cx.ui.failures(&creation, "be created");
    let created: HashSet<Slug> = creation.done().map(|(slug, _)| slug.clone()).collect();
    let failed = creation.failures().map(|(slug, _)| slug);
    let left_out: HashSet<&Slug> = failed.chain(creation.not_started()).collect();
    let slugs: Vec<Slug> = slugs
        .into_iter()
        .filter(|slug| !left_out.contains(slug))
        .collect();
    // Tenants were created: whatever comes of the rest, the answer tells of them.
    let filled = match creation.interrupted {
        true => Ok(Ran::of_not_started(slugs.clone())),
        false => fill_registered(cx, &data, &slugs, &args.jobs).await,
    };
    let (ran, failure) = match filled {
        Ok(ran) => (ran, None),
        Err(error) => (Ran::of_not_started(slugs), Some(error)),
    };
    let view = SeedView::new(&data, &ran.report, &created).beside(&creation);
    cx.ui.answer(&view)?;
    match failure {
        Some(error) => Err(error),
        None => Ok(worse(fleet_status(&creation), tell(cx, &view, &ran))),
    }
}

fn slugs_of(tenants: &[Tenant]) -> Vec<Slug> {
    tenants.iter().map(|tenant| tenant.slug.clone()).collect()
}

fn nobody() -> Report<Seeded> {
    Report::of_not_started([])
}

/// Those who can be filled, and a report of those who cannot.
fn without_suspended(tenants: Vec<Tenant>) -> (Vec<Tenant>, Report<Seeded>) {
    let (active, suspended): (Vec<_>, Vec<_>) = tenants.into_iter().partition(Tenant::is_active);
    let skipped = suspended.into_iter().map(|tenant| {
        let reason = format!(
            "it is suspended; `tenantctl resume {}` brings it back",
            tenant.slug
        );
        (tenant.slug, reason)
    });
    (active, Report::of_skipped(skipped))
}

/// Fills those of these tenants who are there now: others may be faster to create one, or drop it meanwhile.
async fn fill_registered(
    cx: &Context,
    data: &Data,
    slugs: &[Slug],
    jobs: &JobArgs,
) -> anyhow::Result<Ran<Seeded>> {
    let tenants = registered(cx.db().await?, slugs).await?;
    fill_active(cx, data, tenants, jobs).await
}

/// Fills these tenants, and skips who is suspended.
async fn fill_active(
    cx: &Context,
    data: &Data,
    tenants: Vec<Tenant>,
    jobs: &JobArgs,
) -> anyhow::Result<Ran<Seeded>> {
    let (active, suspended) = without_suspended(tenants);
    let ran = fill(cx, data.clone(), active, jobs).await?;
    Ok(Ran {
        report: ran.report.and(suspended),
        ..ran
    })
}

/// Fills these tenants.
pub(super) async fn fill(
    cx: &Context,
    data: Data,
    tenants: Vec<Tenant>,
    jobs: &JobArgs,
) -> anyhow::Result<Ran<Seeded>> {
    let db = cx.db().await?;
    let mut progress = cx.ui.progress("Seeding", tenants.len());
    let request = seed::Request {
        options: cx.tenant_options(Access::ReadWrite),
        plan: jobs.plan(&cx.settings.fleet, db.capacity(), OnError::Stop),
        log: cx.log_entry(json!({
            "file": data.fixture.name(), "days": data.days, "users": data.users, "seed": data.seed,
            "until": data.until.to_string(),
        })),
        tenants,
        data,
    };
    let ran = seed::run(db, request, &cx.stop, &mut progress).await;
    progress.finish();
    ran
}

/// Says what a person wants to know beside the answer.
pub(super) fn tell(cx: &Context, view: &SeedView, ran: &Ran<Seeded>) -> ExitStatus {
    let tenants = words::count(view.tenants.len(), "tenant");
    cx.ui.note(match view.rows {
        0 if view.tenants.is_empty() => "no tenant was filled".to_owned(),
        0 => format!("nothing new in {tenants}"),
        rows => format!("{} in {tenants}", words::count(rows, "row")),
    });
    if view.has_password() {
        cx.ui
            .note("the password is stored nowhere and not shown again; SEED_ADMIN_PASSWORD chooses one");
    }
    if view.has_unused_password() {
        cx.ui
            .note("SEED_ADMIN_PASSWORD is for new logins, and there were none: others keep their password");
    }
    cx.ui.failures(&ran.report, "be filled with data");
    cx.settled(fleet_status(&ran.report), ran.doubt.as_ref())
}

fn dry_run(
    cx: &Context,
    data: &Data,
    existing: &[Slug],
    new: &[Slug],
    skipped: &Report<Seeded>,
) -> anyhow::Result<ExitStatus> {
    cx.ui.answer(&SeedView::dry(data, existing, new, skipped))?;
    cx.ui.failures(skipped, "be filled with data");
    cx.ui.note(format!(
        "{} would be filled, {} of them created; dry run: nothing was changed",
        words::count(existing.len() + new.len(), "tenant"),
        new.len()
    ));
    Ok(ExitStatus::Done)
}
