//! Runs fleets of schema-per-tenant PostgreSQL tenants.
//!
//! This crate is the program `tenantctl` and the library under it. A command goes one way through it:
//!
//! ```text
//! arguments → request → plan → events → report → exit code
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | `cli`, `commands` | flags become a request, a report becomes an answer and an exit code |
//! | [`client`] | what a service uses: tenants by domain, transactions in a tenant, health |
//! | [`config`] | file < environment < flags become one `Settings` |
//! | [`ops`] | the work of a command: `Request` in, report out |
//! | [`fleet`] | one job over many tenants, with a limit, retries, events and a request to stop |
//! | [`tenant`] | slugs, the registry `public.tenants`, and which tenants are meant |
//! | [`blueprint`] | a schema's definition: read from the catalogs, made again elsewhere, compared, fingerprinted |
//! | [`db`] | connections, sessions, names in SQL, locks, refinery, the private server |
//! | `ui`, [`error`] | the only module that prints; what an error says and which exit code it is |
//! | `words` | numbers, times and names as people read them |
//!
//! Imports point down: `commands → ops → fleet → tenant → blueprint → db`. A test holds the sources against that.

pub mod blueprint;
mod cli;
pub mod client;
mod commands;
pub mod config;
mod context;
pub mod db;
pub mod error;
pub mod exit;
pub mod fleet;
pub mod ops;
pub mod tenant;
mod ui;
mod words;

use std::convert::Infallible;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Cli;
use crate::config::{Environment, Settings};
use crate::context::Context;
use crate::error::diagnose;
use crate::exit::ExitStatus;
use crate::fleet::{Stop, Urgency};
use crate::ui::Ui;

/// How long a cancelled command may take to end by itself.
const CANCEL_GRACE: Duration = Duration::from_secs(3);

/// Runs the program with these arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help to stdout and mistakes to stderr; a closed pipe is nobody's fault.
            if !(error.use_stderr() && ui::mistake(&error.render().to_string())) {
                let _ = error.print();
            }
            return if error.use_stderr() {
                ExitStatus::Usage
            } else {
                ExitStatus::Done
            }
            .into();
        }
    };
    ui::start_log(cli.global.verbose);
    let environment = Environment::of_process();
    match start(&cli, &environment) {
        Ok(status) => status.into(),
        Err((ui, error)) => {
            ui.error(&error);
            diagnose(&error).status.into()
        }
    }
}

/// Everything up to the runtime. An error comes with the way to show it.
fn start(cli: &Cli, environment: &Environment) -> Result<ExitStatus, (Ui, anyhow::Error)> {
    let quiet = cli.global.quiet;
    let (format, color) = cli.global.provisional();
    let provisional = Ui::new(format, color, quiet, environment);
    let fail = |error: anyhow::Error| (provisional.clone(), error);
    let settings = Settings::load(&cli.global.flags(), environment).map_err(|error| fail(error.into()))?;
    let ui = Ui::new(settings.output, settings.color, quiet, environment).verbose(cli.global.verbose > 0);
    let ui = ui.needing(cli.command.name(), cli.command.least_role(&settings.roles));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| fail(anyhow::Error::new(error).context("starting the asynchronous runtime")))?;
    let cx = Context::new(settings, ui.clone(), Stop::default(), cli.command.name());
    let result = runtime.block_on(until_stopped(&cx, cli));
    // A blocking task that hangs, such as a server being started, must not keep the program alive.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result.map_err(|error| (ui, error))
}

/// Runs the command until it ends, or until it is told to cancel.
async fn until_stopped(cx: &Context, cli: &Cli) -> anyhow::Result<ExitStatus> {
    let listener = tokio::spawn(listen(cx.stop.clone(), cx.ui.clone()));
    let mut command = std::pin::pin!(commands::run(cx, &cli.command));
    let result = tokio::select! {
        result = &mut command => Some(result),
        () = cx.stop.reached(Urgency::Cancel) => {
            // Dropping a future stops nothing on the server: cancel there, then hear what became of it.
            tokio::select! {
                result = tokio::time::timeout(CANCEL_GRACE, command) => result.ok(),
                never = cancel_everything(cx) => match never {},
            }
        }
    };
    listener.abort();
    match result {
        None => {
            cx.ui.note("");
            cx.ui.warn(format!(
                "interrupted, and what was under way did not end within {} s: it may or may not have taken effect",
                CANCEL_GRACE.as_secs()
            ));
            Ok(ExitStatus::Interrupted)
        }
        Some(Err(error)) if cx.stop.urgency() == Urgency::Cancel => {
            tracing::debug!("{error:#}");
            cx.ui.note("");
            cx.ui.warn("interrupted; what was not committed has been undone");
            Ok(ExitStatus::Interrupted)
        }
        Some(other) => other,
    }
}

/// Cancels what runs on the server, again and again: a command may have been between two statements.
async fn cancel_everything(cx: &Context) -> Infallible {
    loop {
        if let Some(db) = cx.db_in_use() {
            db.cancel_running().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Turns signals into requests to stop.
async fn listen(stop: Stop, ui: Ui) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return tracing::warn!("signals cannot be heard, Ctrl-C ends the program at once");
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if stop.signal() == Urgency::Drain {
            ui.note("finishing the tenants under way; once more to cancel them");
        }
    }
}
