use serde::Serialize;

use crate::cli::args::Confirmation;
use crate::context::Context;
use crate::db::local::{LocalServer, State, Stopped};
use crate::exit::ExitStatus;
use crate::ops::local::{self, Started};
use crate::ui::{Cell, Column, Table, View};

/// Run the private local server
///
/// A PostgreSQL server of your own for trying out and demos: its own data folder, a Unix socket, no TCP. It is used
/// by `--local`, by `demo`, and where the configuration asks for it; never in place of a database that is missing.
#[derive(Debug, clap::Args)]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Start the server; makes its data folder and the database the first time
    Start,
    /// Stop the server
    Stop(StopArgs),
    /// Say whether the server runs and where it lives; exits with 4 when it does not run
    Status,
    /// Print the URL of a database on the server
    Url(UrlArgs),
}

#[derive(Debug, clap::Args)]
#[command(mut_arg("yes", |yes| yes.requires("remove")))]
struct StopArgs {
    /// Remove the server's data too, and the demo's backups
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, clap::Args)]
struct UrlArgs {
    /// Name of the database [default: the configuration's `local.database`]
    database: Option<String>,
}

#[derive(Debug, Serialize)]
struct StatusView {
    state: &'static str,
    pid: Option<i32>,
    server_version: Option<u32>,
    data_dir: String,
    socket_dir: String,
    log_file: String,
    url: String,
}

impl View for StatusView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["field", "value"].map(Column::text));
        let number = |number: Option<String>| Cell::optional(number.as_deref());
        table.push(vec!["state".into(), self.state.into()]);
        table.push(vec!["pid".into(), number(self.pid.map(|pid| pid.to_string()))]);
        table.push(vec![
            "server version".into(),
            number(self.server_version.map(|version| version.to_string())),
        ]);
        table.push(vec!["data".into(), self.data_dir.as_str().into()]);
        table.push(vec!["socket".into(), self.socket_dir.as_str().into()]);
        table.push(vec!["log".into(), self.log_file.as_str().into()]);
        table.push(vec!["url".into(), self.url.as_str().into()]);
        vec![table]
    }
}

#[derive(Debug, Serialize)]
struct UrlView {
    url: String,
}

impl View for UrlView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([Column::text("url")]);
        table.push(vec![self.url.as_str().into()]);
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        Some(self.url.clone())
    }
}

pub(crate) async fn run(cx: &Context, args: &DbArgs) -> anyhow::Result<ExitStatus> {
    let server = local::server(&cx.settings.local, &cx.settings.environment)?;
    match &args.action {
        Action::Start => {
            match local::start(&server).await? {
                Started::AlreadyRunning => cx.ui.note("the private server is running already"),
                Started::Started { initialised: true } => cx.ui.note("made and started the private server"),
                Started::Started { initialised: false } => cx.ui.note("started the private server"),
            }
            cx.ensure_local_database(&server, &cx.settings.local.database)
                .await?;
            status(cx, &server)
        }
        Action::Stop(args) => stop(cx, server, args).await,
        Action::Status => status(cx, &server),
        Action::Url(args) => {
            let database = args.database.as_deref().unwrap_or(&cx.settings.local.database);
            cx.ui.answer(&UrlView {
                url: server.url(database),
            })?;
            Ok(ExitStatus::Done)
        }
    }
}

async fn stop(cx: &Context, server: LocalServer, args: &StopArgs) -> anyhow::Result<ExitStatus> {
    if args.remove {
        let question = format!(
            "This removes the private server's data in `{}`, and the demo's backups beside it.",
            server.status()?.data_dir.display()
        );
        args.confirmation
            .obtain(cx, question, "remove".to_owned())
            .await?;
    }
    if args.remove {
        tokio::task::spawn_blocking(move || server.remove()).await??;
        cx.ui.note("removed the private server and its data");
        return Ok(ExitStatus::Done);
    }
    match tokio::task::spawn_blocking(move || server.stop()).await?? {
        Stopped::Stopped => cx.ui.note("stopped the private server"),
        Stopped::WasNotRunning => cx.ui.note("the private server was not running"),
    }
    Ok(ExitStatus::Done)
}

fn status(cx: &Context, server: &LocalServer) -> anyhow::Result<ExitStatus> {
    let status = server.status()?;
    let (state, pid) = match status.state {
        State::Missing => ("not made yet", None),
        State::Stopped => ("stopped", None),
        State::Running { pid } => ("running", Some(pid)),
    };
    cx.ui.answer(&StatusView {
        state,
        pid,
        server_version: status.version,
        data_dir: status.data_dir.display().to_string(),
        socket_dir: status.socket_dir.display().to_string(),
        log_file: status.log_file.display().to_string(),
        url: server.url(&cx.settings.local.database),
    })?;
    Ok(if pid.is_some() {
        ExitStatus::Done
    } else {
        ExitStatus::No
    })
}
