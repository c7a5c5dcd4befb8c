use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::cli::args::parse_slug;
use crate::context::Context;
use crate::db::conn::{ConnectTarget, libpq_variables};
use crate::db::local::Binaries;
use crate::db::{self, Access};
use crate::error::UsageError;
use crate::exit::ExitStatus;
use crate::tenant::{Slug, registry};

/// Open psql in a tenant
///
/// psql connects to the same database, past a pooler where `DIRECT_URL` names a way, with the tenant's schema first in
/// `search_path` and `app.current_tenant` set for policies of row level security. Both hold until psql ends or sets them
/// anew. The exit code is psql's own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tenantctl shell acme
  tenantctl shell acme --read-only -- -c '\\d users'
  tenantctl shell acme -- -f report.sql")]
pub(crate) struct ShellArgs {
    /// Tenant to enter
    #[arg(value_parser = parse_slug)]
    slug: Slug,
    /// Refuse changes, as long as psql is not told otherwise
    #[arg(long)]
    read_only: bool,
    /// Arguments for psql
    #[arg(last = true, value_name = "PSQL ARGUMENTS")]
    arguments: Vec<OsString>,
}

pub(crate) async fn run(cx: &Context, args: &ShellArgs) -> anyhow::Result<ExitStatus> {
    let db = cx.db().await?;
    let mut session = db.session().await?;
    let tenant = registry::find(&session, &args.slug).await?;
    let options = cx.tenant_options(Access::ReadOnly);
    // psql would go into a schema that is not there without a word.
    session
        .enter_tenant(&tenant.schema, &options)
        .await?
        .rollback()
        .await?;
    drop(session);
    let mut settings = db::settings(&tenant.schema, &options);
    // How long statements and waits may take is for people to say.
    settings.retain(|(name, _)| !name.ends_with("_timeout"));
    if args.read_only {
        settings.push(("default_transaction_read_only", "on".to_owned()));
    }
    if db.apart_in(&tenant.schema, &settings).await?.is_none() {
        return Err(UsageError::new("`shell` needs a connection past the pooler")
            .with_hint("set DIRECT_URL to the database itself")
            .into());
    }
    become_psql(cx, &db.target().clone().with_settings(&settings), &args.arguments)
}

/// Replaces this process, so that the terminal and its signals are psql's. Comes back only when there is no psql.
fn become_psql(cx: &Context, target: &ConnectTarget, arguments: &[OsString]) -> anyhow::Result<ExitStatus> {
    let environment = |name: &str| cx.settings.environment.get(name).map(str::to_owned);
    // Those are looked for only where the path has none.
    let beside_server = std::iter::once_with(|| {
        let binaries = Binaries::find(cx.settings.local.bin_dir.as_deref(), &environment).ok()?;
        Some(binaries.program("psql"))
    });
    for program in std::iter::once(PathBuf::from("psql")).chain(beside_server.flatten()) {
        let mut psql = Command::new(program);
        for variable in libpq_variables() {
            psql.env_remove(variable);
        }
        let error = psql.args(arguments).envs(target.child_environment()).exec();
        if error.kind() != io::ErrorKind::NotFound {
            return Err(anyhow::Error::new(error).context("psql cannot be run"));
        }
    }
    Err(UsageError::new("psql is not installed")
        .with_hint("install PostgreSQL's client programs, such as Debian's `postgresql-client`")
        .into())
}
