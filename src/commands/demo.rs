use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::DatabaseSource;
use crate::context::Context;
use crate::exit::ExitStatus;

/// The database in which the demo happens.
const DATABASE: &str = "tenantctl_demo";

/// What the demo runs, as a person would type it.
const STEPS: [&[&str]; 19] = [
    &["init"],
    &[
        "create",
        "basic-co",
        "--plan",
        "basic",
        "--domain",
        "basic.example",
        "--name",
        "Basic Co",
        "--if-not-exists",
    ],
    &[
        "create",
        "pro-co",
        "--plan",
        "pro",
        "--domain",
        "pro.example",
        "--name",
        "Pro Co",
        "--if-not-exists",
    ],
    &[
        "create",
        "big-co",
        "--plan",
        "enterprise",
        "--domain",
        "big.example",
        "--name",
        "Big Co",
        "--if-not-exists",
    ],
    &["list"],
    &["resolve", "pro.example"],
    &["exec", "--all", "--sql", "select current_schema()"],
    &["seed", "--users", "3", "--days", "30"],
    &["sizes", "--top", "5"],
    &["migrate", "--all"],
    &["status"],
    &["clone", "pro-co", "pro-copy", "--dry-run"],
    &["drift", "--all"],
    &["cleanup", "--all", "--days", "14", "--dry-run"],
    &["cleanup", "--all", "--days", "14"],
    &["backup", "--all", "--keep", "3"],
    &["drop", "pro-co", "--yes"],
    &["undrop", "pro-co"],
    &["health"],
];

/// Show the main job on a private local server
///
/// Starts the private server, makes a database of its own there, and runs a few commands in it, each shown as it
/// would be typed. Safe to run again.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}

pub(crate) async fn run(cx: &Context, _args: &DemoArgs) -> anyhow::Result<ExitStatus> {
    let mut demo = cx.named("demo");
    demo.settings.database.source = DatabaseSource::Local;
    DATABASE.clone_into(&mut demo.settings.local.database);
    demo.db().await?;
    let server = crate::ops::local::server(&cx.settings.local, &cx.settings.environment)?;
    demo.settings.backup.dir = Some(server.folders().demo_backups());
    for step in STEPS {
        let typed: Vec<String> = step.iter().map(|word| shell_word(word)).collect();
        cx.ui.note(format!("\n$ tenantctl {}", typed.join(" ")));
        let cli = Cli::try_parse_from(std::iter::once(&"tenantctl").chain(step))?;
        let status = Box::pin(step_of(&demo, &cli.command)).await?;
        if status != ExitStatus::Done {
            return Ok(status);
        }
    }
    cx.ui.note(format!(
        "\nThe private server keeps running. Look around with\n  psql '{}'\nStop it with `tenantctl db stop`, or \
         remove it with `tenantctl db stop --remove`.",
        server.url(DATABASE)
    ));
    Ok(ExitStatus::Done)
}

/// One command of the demo. A command is under its own name in the log, as if it had been typed.
async fn step_of(demo: &Context, command: &Command) -> anyhow::Result<ExitStatus> {
    super::run(&demo.named(command.name()), command).await
}

fn shell_word(word: &str) -> String {
    if word.contains(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/'))) {
        format!("'{word}'")
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_the_demo_is_a_command() {
        for step in STEPS {
            Cli::try_parse_from(std::iter::once(&"tenantctl").chain(step)).expect("a valid command line");
        }
    }
}
