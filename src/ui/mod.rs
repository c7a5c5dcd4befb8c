//! The only module that prints. stdout is the answer, in the form that was asked for; everything else is stderr.

mod document;
mod events;
mod failure;
mod log;
mod progress;
mod prompt;
mod safe;
mod table;
mod watch;
mod wrap;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

pub(crate) use self::document::View;
use self::document::{csv, json, line};
use self::events::EventLines;
pub(crate) use self::log::start_log;
pub(crate) use self::progress::Progress;
pub(crate) use self::prompt::Reply;
pub(crate) use self::safe::printable;
pub(crate) use self::table::{Cell, Column, Table};
use self::watch::Watch;
pub(crate) use self::wrap::{WIDTH, wrapped};
use crate::config::{ColorChoice, Environment, OutputFormat};
use crate::db::RoleName;

/// Shows what is wrong with a command line, where what was typed is part of that and not to be shown as it is. Says
/// whether it did.
pub(crate) fn mistake(text: &str) -> bool {
    let safe = safe::message(text);
    if safe.trim_end() == text.trim_end() {
        return false;
    }
    io::stderr().write_all(safe.as_bytes()).ok();
    true
}

/// How a command speaks.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    format: OutputFormat,
    quiet: bool,
    verbose: bool,
    is_terminal: bool,
    color_out: bool,
    color_err: bool,
    /// What to do where the connected role lacks a privilege.
    role_hint: String,
}

impl Ui {
    /// Decides once about colour and form.
    pub(crate) fn new(
        format: OutputFormat,
        color: ColorChoice,
        quiet: bool,
        environment: &Environment,
    ) -> Self {
        let plain = environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb");
        let colored = |is_terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !plain,
        };
        Self {
            format,
            quiet,
            verbose: false,
            is_terminal: io::stdout().is_terminal(),
            color_out: colored(io::stdout().is_terminal()),
            color_err: colored(io::stderr().is_terminal()),
            role_hint: "connect as a role that may; docs/roles.md says which one a command needs".to_owned(),
        }
    }

    /// The same for a command that needs this role.
    pub(crate) fn needing(self, command: &str, role: &RoleName) -> Self {
        Self {
            role_hint: format!(
                "`{command}` is for members of the role `{role}`; `tenantctl init --roles` prints how it is made"
            ),
            ..self
        }
    }

    /// The same for somebody who wants to know more.
    pub(crate) fn verbose(self, verbose: bool) -> Self {
        Self { verbose, ..self }
    }

    pub(crate) fn format(&self) -> OutputFormat {
        self.format
    }

    /// The same for a command that was told the form of its answer in its own way.
    pub(crate) fn in_format(&self, format: OutputFormat) -> Self {
        Self {
            format,
            ..self.clone()
        }
    }

    /// Whether answers for people should say more than they usually do.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether answers for people go to a terminal, where there is room for a picture.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal && self.format == OutputFormat::Human
    }

    /// Prints the answer. A reader that has gone away is no failure of ours.
    pub(crate) fn answer<V: View>(&self, view: &V) -> anyhow::Result<()> {
        let text = match self.format {
            OutputFormat::Json => json(view)?,
            OutputFormat::Csv => csv(&view.csv().map_or_else(|| view.tables(), |table| vec![table]))?,
            OutputFormat::Human => match view.plain() {
                Some(plain) if plain.is_empty() => plain,
                Some(plain) => safe::printable_lines(&plain),
                None => self.human(&view.tables()),
            },
        };
        write_all(&mut io::stdout().lock(), &text)
    }

    /// Prints an answer that is given again and again: JSON as a line, for people on a cleared screen. Says whether
    /// anybody still reads.
    pub(crate) fn answer_again<V: View>(&self, view: &V, is_first: bool) -> anyhow::Result<bool> {
        let mut stdout = io::stdout().lock();
        let text = match self.format {
            OutputFormat::Json => line(None, view)?,
            OutputFormat::Csv => csv(&view.csv().map_or_else(|| view.tables(), |table| vec![table]))?,
            OutputFormat::Human => {
                let text = view.plain().unwrap_or_else(|| self.human(&view.tables()));
                let before = match (stdout.is_terminal(), is_first) {
                    (true, _) => "\x1b[H\x1b[2J",
                    (false, true) => "",
                    (false, false) => "\n",
                };
                format!("{before}{}", safe::printable_lines(&text))
            }
        };
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            other => other
                .map(|()| true)
                .map_err(|error| anyhow::Error::new(error).context("writing the answer")),
        }
    }

    /// Prints the answer that ends a stream of events: where those were lines of JSON, it is one as well.
    pub(crate) fn summary<V: View>(&self, view: &V) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::Json => write_all(&mut io::stdout().lock(), &line(Some("summary"), view)?),
            OutputFormat::Human | OutputFormat::Csv => self.answer(view),
        }
    }

    /// Prints the answer of a command that runs by the clock: one line of JSON, and nothing for people who want quiet
    /// and to whom there is nothing to tell.
    pub(crate) fn account<V: View>(&self, view: &V, is_as_usual: bool) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::Json => write_all(&mut io::stdout().lock(), &line(None, view)?),
            OutputFormat::Human if self.quiet && is_as_usual => Ok(()),
            OutputFormat::Human | OutputFormat::Csv => self.answer(view),
        }
    }

    /// Tells what happens as it happens: to programs as lines of JSON, to people as progress.
    pub(crate) fn watch(&self, doing: &'static str, total: usize) -> Watch {
        match self.format {
            OutputFormat::Json => Watch::Lines(EventLines),
            OutputFormat::Human | OutputFormat::Csv => Watch::Progress(self.progress(doing, total)),
        }
    }

    /// Prints text that is the answer as it stands, such as a completion script.
    pub(crate) fn raw(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        write_all(&mut io::stdout().lock(), &safe::data(text, &io::stdout()))
    }

    fn human(&self, tables: &[Table]) -> String {
        let shown: Vec<String> = tables.iter().map(|table| table.human(self.color_out)).collect();
        shown.join("\n")
    }

    /// Says something that is worth knowing and no answer. Not with `--quiet`.
    pub(crate) fn note(&self, message: impl Display) {
        if !self.quiet {
            self.to_stderr(&format!(
                "{}\n",
                safe::printable_lines(&message.to_string()).trim_end()
            ));
        }
    }

    /// Warns. Also with `--quiet`.
    pub(crate) fn warn(&self, message: impl Display) {
        let label = self.painted("warning", "33;1");
        self.to_stderr(&format!(
            "{label}: {}\n",
            safe::printable_lines(&message.to_string()).trim_end()
        ));
    }

    /// Shows how work over many tenants gets on.
    pub(crate) fn progress(&self, doing: &'static str, total: usize) -> Progress {
        Progress::new(doing, total, self.quiet, self.color_err)
    }

    /// Shows how the steps of work on one tenant get on.
    pub(crate) fn steps(&self, doing: &'static str) -> Progress {
        Progress::of_steps(doing, self.quiet, self.color_err)
    }

    fn painted(&self, text: &str, code: &str) -> String {
        if self.color_err {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    #[expect(
        clippy::unused_self,
        reason = "everything that prints goes through the value that decides how"
    )]
    fn to_stderr(&self, text: &str) {
        // There is nobody left to tell when stderr is gone.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Writes everything, and takes a closed pipe for the reader's way of saying "enough".
fn write_all(stream: &mut impl Write, text: &str) -> anyhow::Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| anyhow::Error::new(error).context("writing the answer")),
    }
}
