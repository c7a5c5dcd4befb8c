use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::roles::RolesMode;
use crate::cli::args::parse_duration_flag;
use crate::context::Context;
use crate::db::Access;
use crate::db::migrator::{Applied, Migrations};
use crate::error::UsageError;
use crate::exit::ExitStatus;
use crate::ops::application::Origin;
use crate::ops::init;
use crate::ops::template::{Built, Foreign};
use crate::tenant::App;
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// Bring the registry of tenants and their template up to date
///
/// Creates `public.tenants` with what belongs to it, then the schema that tenants are cloned from, or applies the
/// migrations that are missing. Safe to run again, and by several at once.
///
/// A template that was built by other means, such as an ORM or psql, is left as it is: what is in the database counts.
///
/// `--app` chooses one of the applications that the program carries; the database remembers which. `--scaffold` needs no
/// database: it writes the application's files into a folder, with a configuration, as a project to start from.
///
/// `--roles` prints the SQL for the roles that tenantctl needs, to be run by a superuser or by the owner of the database
/// with CREATEROLE: an owner for whatever changes schemas, an operator for the registry and reports, and with
/// `tenants.role_prefix` one for the application of each tenant. `--roles apply` runs it. Before there is a registry it
/// prepares the database for `init`; a fleet that is there is handed over to the owner, tenant by tenant.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tenantctl init
  tenantctl init --roles | psql -v ON_ERROR_STOP=1 -d metrics
  tenantctl init --roles apply --dry-run")]
pub(crate) struct InitArgs {
    /// Application whose template is built [default: the one that the database has, else metrics]
    #[arg(long, value_enum, value_name = "NAME", conflicts_with = "template_migrations")]
    app: Option<App>,
    /// Write a project to start from into a folder, and do nothing else
    #[arg(long, conflicts_with_all = ["migrations", "template_migrations", "lock_wait"])]
    scaffold: bool,
    /// Folder for the project of `--scaffold`; files that are there are left alone [default: this one]
    #[arg(value_name = "DIR", requires = "scaffold")]
    folder: Option<PathBuf>,
    /// Print the SQL for the roles that tenantctl needs, or apply it, and do nothing else [default: print]
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        num_args = 0..=1,
        default_missing_value = "print",
        conflicts_with_all = ["app", "scaffold", "folder", "migrations", "template_migrations", "lock_wait"]
    )]
    roles: Option<RolesMode>,
    /// Migrations of the registry, in place of those that the program carries
    #[arg(long, value_name = "FOLDER")]
    migrations: Option<PathBuf>,
    /// Migrations of the template, in place of those that the program carries
    ///
    /// Better kept as `template.migrations` in the configuration, so that every command uses the same.
    #[arg(long, value_name = "FOLDER")]
    template_migrations: Option<PathBuf>,
    /// How long to wait for another run that holds the registry or the template, `0` for not at all
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration_flag)]
    lock_wait: Duration,
    /// Report what would be applied without changing anything
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct InitView {
    dry_run: bool,
    registry: RegistryView,
    template: TemplateView,
}

#[derive(Debug, Serialize)]
struct RegistryView {
    version: Option<i64>,
    applied: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TemplateView {
    schema: String,
    app: Option<&'static str>,
    managed: bool,
    left_as_is: bool,
    version: Option<i64>,
    applied: Vec<String>,
}

impl View for InitView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("part"),
            Column::text("schema"),
            Column::number("version"),
            Column::text("applied"),
        ]);
        let mut push = |part: &str, schema: &str, version: Option<i64>, applied: &[String]| {
            table.push(vec![
                part.into(),
                schema.into(),
                Cell::optional(version.map(|version| version.to_string()).as_deref()),
                Cell::Text(applied.join(" ")),
            ]);
        };
        let Self {
            registry, template, ..
        } = self;
        push("registry", "public", registry.version, &registry.applied);
        push("template", &template.schema, template.version, &template.applied);
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        let Self {
            registry, template, ..
        } = self;
        let name = format!("template `{}`", template.schema);
        Some(format!(
            "{}\n{}",
            self.sentence("registry", registry.version, &registry.applied),
            if template.left_as_is {
                format!("{name} is left as it is")
            } else {
                self.sentence(&name, template.version, &template.applied)
            }
        ))
    }
}

impl InitView {
    fn sentence(&self, what: &str, version: Option<i64>, applied: &[String]) -> String {
        let version = version.map_or_else(|| "-".to_owned(), |version| format!("V{version}"));
        let count = words::count(applied.len(), "migration");
        let names = applied.join(", ");
        match (applied.is_empty(), self.dry_run) {
            (true, _) => format!("{what} is up to date at {version}"),
            (false, true) => format!("{what} would be brought to {version}: {count} ({names})"),
            (false, false) => format!("{what} is now at {version}: {count} applied ({names})"),
        }
    }
}

pub(crate) async fn run(cx: &Context, args: &InitArgs) -> anyhow::Result<ExitStatus> {
    if args.scaffold {
        let folder = args.folder.as_deref().unwrap_or(Path::new("."));
        return super::scaffold::run(cx, args.app.unwrap_or(App::Metrics), folder, args.dry_run);
    }
    if let Some(mode) = args.roles {
        return super::roles::run(cx, mode, args.dry_run).await;
    }
    let registry = cx.registry(args.migrations.as_deref())?;
    let mut template = match args.app {
        Some(app) => cx.template_of(chosen(cx, app).await?),
        None => cx.template(args.template_migrations.as_deref()).await?,
    };
    let first_line = template.migrations.first_line();
    let app = first_line.and_then(|line| App::of_first_line(&line));
    if args.dry_run {
        template.options.access = Access::ReadOnly;
    }
    let schema = template.schema.to_string();
    let request = init::Request {
        registry,
        template,
        operator: cx.settings.roles.operator.clone(),
        lock_wait: args.lock_wait,
        dry_run: args.dry_run,
    };
    let report = init::run(cx.db().await?, &request).await?;

    if let Built::Foreign(how) = &report.template {
        cx.ui.note(explain(&schema, how));
    }
    cx.ui.answer(&InitView {
        dry_run: args.dry_run,
        registry: RegistryView {
            version: report.registry.version,
            applied: report.registry.applied,
        },
        template: TemplateView::new(schema, app, report.template),
    })?;
    Ok(ExitStatus::Done)
}

impl TemplateView {
    fn new(schema: String, app: Option<App>, built: Built) -> Self {
        let left_as_is = matches!(built, Built::Foreign(_));
        let (managed, version, applied) = match built {
            Built::Managed(Applied { applied, version }) => (true, version, applied),
            Built::Foreign(Foreign::OtherMigrations { version, .. }) => (true, version, Vec::new()),
            Built::Foreign(Foreign::NoHistory) => (false, None, Vec::new()),
        };
        Self {
            schema,
            app: app.filter(|_| !left_as_is).map(App::name),
            managed,
            left_as_is,
            version,
            applied,
        }
    }
}

/// The migrations of an application that was asked for, where nothing speaks against it.
async fn chosen(cx: &Context, app: App) -> anyhow::Result<Migrations> {
    if cx.settings.template_migrations.is_some() {
        return Err(UsageError::new(
            "`--app` and `template.migrations` of the configuration name two templates",
        )
        .with_hint("leave `--app` out to use the configuration's")
        .into());
    }
    let refused =
        |message: String| UsageError::new(message).with_hint("use another database, or leave `--app` out");
    match cx.origin().await? {
        Origin::App(other) if other != app => Err(refused(format!(
            "this database has the application `{other}`, not `{app}`"
        ))
        .into()),
        Origin::Other => Err(refused(format!(
            "schema `{}` was not built from the migrations of `{app}`",
            cx.settings.tenants.naming.template()
        ))
        .into()),
        Origin::App(_) | Origin::Nothing => Ok(app.migrations().chosen()),
    }
}

/// Why the template was left alone, and what that means.
fn explain(schema: &str, how: &Foreign) -> String {
    match how {
        Foreign::NoHistory => format!(
            "schema `{schema}` was built by other means than tenantctl's migrations; tenants are cloned from it as it is"
        ),
        Foreign::OtherMigrations { problem, .. } => format!(
            "schema `{schema}` was built from other migrations than those that tenantctl carries ({problem}); tenants \
             are cloned from it as it is\nname the folder of its migrations in `template.migrations` to bring it \
             forward from here"
        ),
    }
}
