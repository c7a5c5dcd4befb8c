use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::CommandFactory;
use clap_mangen::Man;
use serde::Serialize;

use crate::cli::{Cli, tour};
use crate::context::Context;
use crate::error::UsageError;
use crate::exit::ExitStatus;
use crate::ui::{Column, Table, View};
use crate::words;
use crate::words::nearest;

/// Print the manual, a page for every command
///
/// Without a command the page of the program as a whole. Read a page with `tenantctl man migrate | man -l -`, or write
/// all of them to where `man` looks: after `tenantctl man --dir ~/.local/share/man/man1` there is `man tenantctl-migrate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tenantctl man | man -l -                 the program and its global options
  tenantctl man db start | man -l -        one command
  tenantctl man --dir /usr/share/man/man1  every page, as tenantctl.1, tenantctl-migrate.1, …")]
pub(crate) struct ManArgs {
    /// Command whose page it is, as in `migrate` or `db start`
    #[arg(conflicts_with = "dir")]
    command: Vec<String>,
    /// Write all pages into this folder, which is made if need be, and print their paths
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct PagesView {
    folder: String,
    files: Vec<String>,
}

impl View for PagesView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([Column::text("file")]);
        for file in &self.files {
            table.push(vec![file.as_str().into()]);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        Some(self.files.join("\n"))
    }
}

pub(crate) fn run(cx: &Context, args: &ManArgs) -> anyhow::Result<ExitStatus> {
    let program = program();
    let Some(folder) = &args.dir else {
        let mut text = Vec::new();
        page(find(&program, &args.command)?).render(&mut text)?;
        cx.ui.raw(&text)?;
        return Ok(ExitStatus::Done);
    };
    let files = write(&program, folder)
        .with_context(|| format!("writing the manual into folder `{}`", folder.display()))?;
    let view = PagesView {
        folder: folder.display().to_string(),
        files: files.iter().map(|path| path.display().to_string()).collect(),
    };
    cx.ui.answer(&view)?;
    cx.ui
        .note(format!("{} written", words::count(files.len(), "page")));
    Ok(ExitStatus::Done)
}

/// The command line with all that clap works out for each command. Nobody looks `help` up in a manual.
fn program() -> clap::Command {
    let program = Cli::command().disable_help_subcommand(true);
    let about = program.get_long_about().map(ToString::to_string);
    let mut program = program.long_about(format!("{}\n\n{}", about.unwrap_or_default(), tour::BEGINNING));
    program.build();
    program
}

fn find<'a>(program: &'a clap::Command, words: &[String]) -> Result<&'a clap::Command, UsageError> {
    let mut found = program;
    for (at, word) in words.iter().enumerate() {
        let Some(next) = found.find_subcommand(word) else {
            let error = UsageError::new(format!("there is no command `{}`", words[..=at].join(" ")));
            let known: Vec<&str> = found.get_subcommands().map(clap::Command::get_name).collect();
            return Err(match nearest(word, &known) {
                Some(near) => {
                    let meant = [&words[..at], &[near.to_owned()]].concat();
                    error.with_hint(format!("did you mean `{}`?", meant.join(" ")))
                }
                None => error.with_hint("`tenantctl help` lists the commands"),
            });
        };
        found = next;
    }
    Ok(found)
}

fn page(command: &clap::Command) -> Man {
    let source = concat!("tenantctl ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(source)
}

/// Writes the pages of a command and of all below it, and tells their paths.
fn write(command: &clap::Command, folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut files = vec![page(command).generate_to(folder)?];
    for command in command.get_subcommands() {
        files.extend(write(command, folder)?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(command: &clap::Command) -> String {
        let mut text = Vec::new();
        page(command).render(&mut text).expect("written");
        String::from_utf8(text).expect("UTF-8").replace("\\-", "-")
    }

    /// A command and all below it.
    fn with_all_below(command: &clap::Command) -> Vec<&clap::Command> {
        let below = command.get_subcommands().flat_map(with_all_below);
        std::iter::once(command).chain(below).collect()
    }

    #[test]
    fn every_long_flag_of_a_command_is_in_its_page() {
        let program = program();
        for command in with_all_below(&program) {
            let text = text(command);
            let shown = command.get_arguments().filter(|flag| !flag.is_hide_set());
            for flag in shown.filter_map(clap::Arg::get_long) {
                let name = command.get_name();
                assert!(text.contains(&format!("--{flag}")), "{name} --{flag}: {text}");
            }
        }
        let backup = find(&program, &["backup".to_owned()]).expect("a command");
        assert!(text(backup).contains("--keep-days"));
    }

    #[test]
    fn every_command_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = program();
        let files = write(&program, &folder.path().join("man/man1")).expect("written");
        assert_eq!(files.len(), with_all_below(&program).len());
        let names: Vec<&str> = files
            .iter()
            .map(|file| file.file_name().and_then(|name| name.to_str()).expect("a name"))
            .collect();
        let mut commands = program.get_subcommands().map(clap::Command::get_name);
        assert!(commands.all(|command| names.contains(&format!("tenantctl-{command}.1").as_str())));
        assert!(names.contains(&"tenantctl.1") && names.contains(&"tenantctl-db-start.1"));
        assert!(!names.iter().any(|name| name.contains("help")), "{names:?}");
        for file in files {
            let text = fs::read_to_string(&file).expect("written");
            assert!(text.contains(".SH SYNOPSIS"), "{}", file.display());
        }
    }

    #[test]
    fn an_unknown_command_names_the_nearest_one() {
        let program = program();
        for (words, message, hint) in [
            (
                &["migate"][..],
                "there is no command `migate`",
                "did you mean `migrate`?",
            ),
            (
                &["db", "strat"],
                "there is no command `db strat`",
                "did you mean `db start`?",
            ),
            (
                &["list", "all"],
                "there is no command `list all`",
                "`tenantctl help` lists the commands",
            ),
        ] {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            let error = find(&program, &words).expect_err("unknown");
            let diagnosis = crate::error::diagnose(&error.into());
            assert_eq!(
                (diagnosis.message.as_str(), diagnosis.hint.as_deref()),
                (message, Some(hint))
            );
            assert_eq!(diagnosis.status, ExitStatus::Usage);
        }
    }
}
