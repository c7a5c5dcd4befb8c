//! One file per subcommand: its arguments, and what turns them into a request and a report into an answer.

pub(crate) mod backup;
mod backup_args;
pub(crate) mod cleanup;
mod cleanup_metrics;
mod cleanup_view;
pub(crate) mod clone;
pub(crate) mod completions;
pub(crate) mod create;
mod create_view;
pub(crate) mod db;
pub(crate) mod demo;
pub(crate) mod drift;
pub(crate) mod drop;
pub(crate) mod exec;
mod failed_view;
pub(crate) mod health;
mod health_view;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod lint;
mod lint_view;
pub(crate) mod list;
pub(crate) mod list_backups;
pub(crate) mod man;
pub(crate) mod migrate;
mod migrate_plan;
mod migrate_view;
pub(crate) mod move_tenant;
pub(crate) mod new;
mod rehearse;
mod rehearse_view;
pub(crate) mod resolve;
pub(crate) mod restore;
mod roles;
mod scaffold;
pub(crate) mod seed;
mod seed_view;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod sizes;
pub(crate) mod status;
pub(crate) mod suspend;
pub(crate) mod template;
mod tenant_view;
pub(crate) mod undrop;
pub(crate) mod update;
pub(crate) mod verify;

use crate::cli::Command;
use crate::context::Context;
use crate::exit::ExitStatus;

/// Runs the command that was asked for.
pub(crate) async fn run(cx: &Context, command: &Command) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Init(args) => init::run(cx, args).await,
        Command::Create(args) => create::run(cx, args).await,
        Command::Clone(args) => clone::run(cx, args).await,
        Command::List(args) => list::run(cx, args).await,
        Command::Show(args) => show::run(cx, args).await,
        Command::Resolve(args) => resolve::run(cx, args).await,
        Command::Update(args) => update::run(cx, args).await,
        Command::Suspend(args) => suspend::run(cx, &args.tenants).await,
        Command::Resume(args) => suspend::run_resume(cx, &args.tenants).await,
        Command::Drop(args) => drop::run(cx, args).await,
        Command::Drift(args) => drift::run(cx, args).await,
        Command::Health(args) => health::run(cx, args).await,
        Command::Migrate(args) => migrate::run(cx, args).await,
        Command::Status(args) => status::run(cx, args).await,
        Command::History(args) => history::run(cx, args).await,
        Command::Sizes(args) => sizes::run(cx, args).await,
        Command::Cleanup(args) => cleanup::run(cx, args).await,
        Command::Backup(args) => backup::run(cx, args).await,
        Command::Restore(args) => restore::run(cx, args).await,
        Command::Undrop(args) => undrop::run(cx, args).await,
        Command::Move(args) => move_tenant::run(cx, args).await,
        Command::Verify(args) => verify::run(cx, args).await,
        Command::ListBackups(args) => list_backups::run(cx, args).await,
        Command::Exec(args) => exec::run(cx, args).await,
        Command::Shell(args) => shell::run(cx, args).await,
        Command::Seed(args) => seed::run(cx, args).await,
        Command::New(args) => new::run(cx, args),
        Command::Lint(args) => lint::run(cx, args).await,
        Command::Template(args) => template::run(cx, args).await,
        Command::Db(args) => db::run(cx, args).await,
        Command::Demo(args) => demo::run(cx, args).await,
        Command::Completions(args) => completions::run(cx, args),
        Command::Man(args) => man::run(cx, args),
    }
}
