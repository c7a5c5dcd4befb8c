//! The command line: global flags and the list of commands. The groups of flags that commands share are in [`args`],
//! what `tenantctl help` shows in [`tour`].

pub(crate) mod args;
pub(crate) mod tour;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;
use crate::config::{ColorChoice, DatabaseFlags, FailOn, Flags, OutputFormat, RoleSettings};
use crate::db::RoleName;
use crate::tenant::App;

/// Run fleets of schema-per-tenant PostgreSQL tenants
///
/// Every tenant has a row in `public.tenants` and a schema of its own.
#[derive(Debug, Parser)]
#[command(
    name = "tenantctl",
    version,
    propagate_version = true,
    subcommand_required = true,
    help_template = tour::template(),
    max_term_width = 80
)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 some tenants failed and the \
                        rest finished, 4 checked and the answer is no, 5 database unreachable, 6 another run holds \
                        the lock, 130 interrupted."
)]
#[command(mut_subcommands(with_on_error))]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Says what `--on-error` is by default where that is not to stop: one tenant's failure says nothing of the next.
fn with_on_error(command: clap::Command) -> clap::Command {
    let default = match command.get_name() {
        "suspend" | "resume" | "backup" | "cleanup" | "drift" => "continue",
        "exec" => "continue, with `--write` stop",
        _ => return command,
    };
    let help = format!("{} [default: {default}]", args::ON_ERROR);
    command.mut_arg("on_error", |arg| arg.help(help))
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Read this configuration file and no other
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Connect to this database, a libpq URL or `key=value` string
    ///
    /// A password given here can be read by others on this machine; better keep it in `.pgpass` or PGPASSWORD.
    #[arg(long, global = true, value_name = "URL", conflicts_with_all = ["target", "local"])]
    database_url: Option<String>,
    /// Connect to this `[targets.NAME]` of the configuration
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "local")]
    target: Option<String>,
    /// Use the private local server, started if need be
    #[arg(long, global = true)]
    local: bool,
    /// Form of the answer on stdout
    #[arg(long, short, global = true, value_enum, value_name = "FORM")]
    output: Option<OutputFormat>,
    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    color: Option<ColorChoice>,
    /// Say nothing but the answer, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say what happens; twice for every detail
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl GlobalArgs {
    /// What these flags say about the configuration.
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            database: DatabaseFlags {
                url: self.database_url.clone(),
                target: self.target.clone(),
                local: self.local,
            },
            output: self.output,
            color: self.color,
        }
    }

    /// The form and colour as far as the flags alone tell, for errors in the configuration itself.
    pub(crate) fn provisional(&self) -> (OutputFormat, ColorChoice) {
        (self.output.unwrap_or_default(), self.color.unwrap_or_default())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(commands::init::InitArgs),
    Create(commands::create::CreateArgs),
    Clone(commands::clone::CloneArgs),
    List(commands::list::ListArgs),
    Show(commands::show::ShowArgs),
    Resolve(commands::resolve::ResolveArgs),
    Update(commands::update::UpdateArgs),
    Suspend(commands::suspend::SuspendArgs),
    Resume(commands::suspend::ResumeArgs),
    Drop(commands::drop::DropArgs),
    Undrop(commands::undrop::UndropArgs),
    Move(commands::move_tenant::MoveArgs),
    Backup(commands::backup::BackupArgs),
    Restore(commands::restore::RestoreArgs),
    Verify(commands::verify::VerifyArgs),
    ListBackups(commands::list_backups::ListBackupsArgs),
    Migrate(commands::migrate::MigrateArgs),
    Status(commands::status::StatusArgs),
    History(commands::history::HistoryArgs),
    Drift(commands::drift::DriftArgs),
    Sizes(commands::sizes::SizesArgs),
    Health(commands::health::HealthArgs),
    Exec(commands::exec::ExecArgs),
    Shell(commands::shell::ShellArgs),
    Seed(commands::seed::SeedArgs),
    Cleanup(commands::cleanup::CleanupArgs),
    New(commands::new::NewArgs),
    Lint(commands::lint::LintArgs),
    Template(commands::template::TemplateArgs),
    Db(commands::db::DbArgs),
    Demo(commands::demo::DemoArgs),
    Completions(commands::completions::CompletionsArgs),
    Man(commands::man::ManArgs),
}

impl Command {
    /// The name under which the command is known to the server and the operation log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Create(_) => "create",
            Self::Clone(_) => "clone",
            Self::List(_) => "list",
            Self::Show(_) => "show",
            Self::Resolve(_) => "resolve",
            Self::Update(_) => "update",
            Self::Suspend(_) => "suspend",
            Self::Resume(_) => "resume",
            Self::Drop(_) => "drop",
            Self::Undrop(_) => "undrop",
            Self::Move(_) => "move",
            Self::Backup(_) => "backup",
            Self::Restore(_) => "restore",
            Self::Verify(_) => "verify",
            Self::ListBackups(_) => "list-backups",
            Self::Migrate(_) => "migrate",
            Self::Status(_) => "status",
            Self::History(_) => "history",
            Self::Drift(_) => "drift",
            Self::Sizes(_) => "sizes",
            Self::Health(_) => "health",
            Self::Exec(_) => "exec",
            Self::Shell(_) => "shell",
            Self::Seed(_) => "seed",
            Self::Cleanup(_) => "cleanup",
            Self::New(_) => "new",
            Self::Lint(_) => "lint",
            Self::Template(_) => "template",
            Self::Db(_) => "db",
            Self::Demo(_) => "demo",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }

    /// The least of the roles with which the command does all that it is for; docs/roles.md has them in a table. Some
    /// need no database.
    pub(crate) fn least_role<'a>(&self, roles: &'a RoleSettings) -> &'a RoleName {
        match self {
            Self::List(_)
            | Self::Show(_)
            | Self::Resolve(_)
            | Self::Update(_)
            | Self::Suspend(_)
            | Self::Resume(_)
            | Self::Status(_)
            | Self::History(_)
            | Self::Drift(_)
            | Self::Sizes(_)
            | Self::Health(_)
            | Self::Template(_) => &roles.operator,
            _ => &roles.owner,
        }
    }
}

impl ValueEnum for OutputFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Human, Self::Json, Self::Csv]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(match self {
            Self::Human => clap::builder::PossibleValue::new("human").help("tables for people"),
            Self::Json => clap::builder::PossibleValue::new("json")
                .help("one JSON document; a line of JSON each where there is always more to come"),
            Self::Csv => clap::builder::PossibleValue::new("csv").help("values with a header line"),
        })
    }
}

impl ValueEnum for App {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()).help(self.about()))
    }
}

impl ValueEnum for FailOn {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Critical, Self::Warning, Self::Note, Self::Never]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Never => "never",
        }))
    }
}

impl ValueEnum for ColorChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Always, Self::Never]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }))
    }
}

#[cfg(test)]
mod tests;
