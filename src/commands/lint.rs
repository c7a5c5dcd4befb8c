use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use serde::Serialize;

use super::new::migrations_folder;
use crate::config::OutputFormat;
use crate::context::Context;
use crate::error::UsageError;
use crate::exit::ExitStatus;
use crate::ops::lint::{self, File, Finding, Request, Rules, Scope};
use crate::ops::migration_files;
use crate::ops::template::{self, Status};
use crate::ui::{Cell, Column, Table, Ui, View, format};

/// Review migrations for what would hold up tenants
///
/// Says which statements of the pending migrations lock tables for long, break applications that run, name a schema,
/// or do not fit the way in which tenantctl runs a file. Pending is what the template in the database has not seen;
/// with `--all`, or with files that are named, no database is asked. Exits with 4 when there are findings.
///
/// A table that is made earlier in the same run may be changed at will. The rules are squawk's and some of tenantctl's
/// own; `[lint]` in the configuration switches them off and on.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
In a file, a comment excuses the statement after it. One that a blank line parts from the first statement excuses the
whole file. What follows a colon is the reason.

  -- tenantctl: allow ban-drop-column: nothing reads it since V12
  ALTER TABLE users DROP COLUMN legacy;

Examples:
  tenantctl lint                                     what `tenantctl migrate` would apply
  tenantctl lint migrations/V7__add_region.sql       one file, without a database
  tenantctl lint --all --format github               in CI, as annotations")]
pub(crate) struct LintArgs {
    /// Review these files; `-` reads standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Review all files of the folder, each for itself
    #[arg(long, conflicts_with = "files")]
    all: bool,
    /// Review the files of this folder, in place of the configuration's `template.migrations`
    #[arg(long, value_name = "FOLDER", conflicts_with = "files")]
    migrations: Option<PathBuf>,
    /// Form of the findings on stdout, in place of `--output`
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Findings with their lines, for people
    Human,
    /// One JSON document
    Json,
    /// Annotations for GitHub Actions
    Github,
}

#[derive(Debug, Serialize)]
struct LintView {
    /// The files that were reviewed.
    files: Vec<String>,
    findings: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
struct FindingView {
    file: String,
    line: usize,
    column: usize,
    length: usize,
    rule: String,
    message: String,
    help: Option<String>,
    sql: String,
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        let Finding {
            file,
            line,
            column,
            length,
            rule,
            message,
            help,
            sql,
        } = finding;
        Self {
            file,
            line,
            column,
            length,
            rule,
            message,
            help,
            sql,
        }
    }
}

pub(crate) async fn run(cx: &Context, args: &LintArgs) -> anyhow::Result<ExitStatus> {
    let settings = &cx.settings.lint;
    let rules = Rules::choose(&settings.exclude, &settings.include)?;
    let (paths, scope) = chosen(cx, args).await?;
    let mut files = Vec::new();
    for path in paths {
        files.push(File {
            text: cx.read_text(&path).await?,
            name: path.display().to_string(),
        });
    }
    let request = Request {
        files,
        scope,
        rules,
        naming: cx.settings.tenants.naming.clone(),
    };
    let findings = lint::review(&request);

    let view = LintView {
        files: request.files.into_iter().map(|file| file.name).collect(),
        findings: findings.into_iter().map(FindingView::from).collect(),
    };
    match args.format {
        Some(Format::Github) => cx.ui.raw(view.annotations().as_bytes())?,
        Some(Format::Json) => view.answer(&cx.ui.in_format(OutputFormat::Json))?,
        Some(Format::Human) => view.answer(&cx.ui.in_format(OutputFormat::Human))?,
        None => view.answer(&cx.ui)?,
    }
    cx.ui.note(view.summary());
    Ok(if view.findings.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::No
    })
}

/// The files to review, and whether they follow upon each other.
async fn chosen(cx: &Context, args: &LintArgs) -> anyhow::Result<(Vec<PathBuf>, Scope)> {
    if !args.files.is_empty() {
        return Ok((args.files.clone(), Scope::Run));
    }
    let folder = migrations_folder(cx, args.migrations.as_deref()).ok_or_else(|| {
        UsageError::new("there is no folder of migrations to review").with_hint(
            "name files, or a folder in `template.migrations` of the configuration or with `--migrations`; those that \
             the program carries are reviewed already",
        )
    })?;
    let files = migration_files::list(folder)
        .map_err(|error| UsageError::new(format!("folder `{}` cannot be read: {error}", folder.display())))?;
    let pending = match args.all {
        true => None,
        false => pending(cx, folder).await?,
    };
    let scope = match pending {
        None => Scope::EachAlone,
        Some(_) => Scope::Run,
    };
    let is_chosen = |migration: &String| pending.as_ref().is_none_or(|names| names.contains(migration));
    let paths = files.into_iter().filter(|file| is_chosen(&file.migration));
    Ok((paths.map(|file| file.path).collect(), scope))
}

/// The migrations that the live template has not seen. `None` where nobody knows, since it has no history.
async fn pending(cx: &Context, folder: &Path) -> anyhow::Result<Option<Vec<String>>> {
    let request = cx.template(Some(folder)).await?;
    let status = match cx.db().await {
        Ok(db) => template::status(db, &request).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match status.context(
        "asking the template which migrations are pending; `--all` or named files need no database",
    )? {
        Status::Missing | Status::Empty => Ok(Some(request.migrations.names())),
        Status::Managed { standing, .. } => Ok(Some([standing.out_of_order, standing.pending].concat())),
        Status::Unmanaged { .. } => {
            cx.ui.note(format!(
                "schema `{}` has no migration history, so all files are reviewed",
                request.schema
            ));
            Ok(None)
        }
    }
}

impl LintView {
    /// For people, no findings are no lines.
    fn answer(&self, ui: &Ui) -> anyhow::Result<()> {
        if ui.format() == OutputFormat::Human && self.findings.is_empty() {
            return Ok(());
        }
        ui.answer(self)
    }

    fn summary(&self) -> String {
        let files = format::count(self.files.len(), "file");
        match (self.files.len(), self.findings.len()) {
            (0, _) => "nothing to review: no migration is pending".to_owned(),
            (_, 0) => format!("no findings in {files}"),
            (_, findings) => format!("{} in {files}", format::count(findings, "finding")),
        }
    }

    /// As GitHub Actions reads them from a step's output.
    fn annotations(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let help = finding
                .help
                .as_deref()
                .map_or_else(String::new, |help| format!("\n{help}"));
            let _ = writeln!(
                text,
                "::error file={},line={},col={},endColumn={},title={}::{}",
                property(&finding.file),
                finding.line,
                finding.column,
                finding.column + finding.length,
                property(&finding.rule),
                escaped(&format!("{}{help}", finding.message)),
            );
        }
        text
    }
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

impl View for LintView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("file"),
            Column::number("line"),
            Column::number("column"),
            Column::text("rule"),
            Column::text("message"),
            Column::text("help"),
        ]);
        for finding in &self.findings {
            table.push(vec![
                finding.file.as_str().into(),
                Cell::Count(finding.line as u64),
                Cell::Count(finding.column as u64),
                finding.rule.as_str().into(),
                finding.message.as_str().into(),
                Cell::optional(finding.help.as_deref()),
            ]);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        let shown: Vec<String> = self.findings.iter().map(FindingView::shown).collect();
        Some(shown.join("\n"))
    }
}

/// The width that findings keep to.
const WIDTH: usize = 80;

impl FindingView {
    /// Place and rule, what is wrong, the line with a mark below, what to do.
    fn shown(&self) -> String {
        let mut text = format!("{}:{}:{}: {}\n", self.file, self.line, self.column, self.rule);
        push_wrapped(&mut text, &self.message, "  ");
        let number = self.line.to_string();
        let gutter = number.len() + 2;
        let (line, before) = window(&self.sql, self.column - 1, WIDTH - gutter - 3);
        let marks = self
            .length
            .min(line.chars().count().saturating_sub(before))
            .max(1);
        let _ = writeln!(text, "  {number} | {line}");
        let _ = writeln!(
            text,
            "{:gutter$} | {}{}",
            "",
            " ".repeat(before),
            "^".repeat(marks)
        );
        if let Some(help) = &self.help {
            push_wrapped(&mut text, &format!("help: {help}"), "  ");
        }
        text
    }
}

/// The part of a line around a place that fits, and where the place is in it. A character is one column wide.
fn window(line: &str, at: usize, width: usize) -> (String, usize) {
    const CUT: char = '…';
    let shown: Vec<char> = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    // A long line is shown from a bit before the place.
    let from = match shown.len() {
        length if length <= width || at < width / 2 => 0,
        length => (at - width / 4).min(length - width),
    };
    let mut part: Vec<char> = shown.iter().skip(from).take(width).copied().collect();
    if from > 0 {
        part[0] = CUT;
    }
    if from + width < shown.len()
        && let Some(last) = part.last_mut()
    {
        *last = CUT;
    }
    (part.into_iter().collect(), at - from)
}

/// The words of a text, where what stands in backticks is one: it is there to be copied.
fn unbroken(words: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut is_code = false;
    for c in words.chars() {
        is_code ^= c == '`';
        match pieces.last_mut() {
            Some(piece) if is_code || !c.is_whitespace() => piece.push(c),
            _ => pieces.push(String::new()),
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Words on lines that fit.
fn push_wrapped(text: &mut String, words: &str, indent: &str) {
    let mut line = indent.to_owned();
    for word in unbroken(words) {
        let is_first = line.len() == indent.len();
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            indent.clone_into(&mut line);
        } else if !is_first {
            line.push(' ');
        }
        line.push_str(&word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        assert_eq!(window("SELECT 1", 7, 20), ("SELECT 1".to_owned(), 7));
        let line = format!("{}here{}", "a".repeat(100), "b".repeat(100));
        let (shown, at) = window(&line, 100, 20);
        assert_eq!(
            (
                shown.chars().count(),
                shown.chars().skip(at).take(4).collect::<String>()
            ),
            (20, "here".to_owned())
        );
        assert!(shown.starts_with('…') && shown.ends_with('…'));
        let (shown, at) = window(&line, 203, 20);
        assert_eq!((shown.chars().nth(at), shown.ends_with('b')), (Some('b'), true));
    }

    #[test]
    fn an_annotation_cannot_be_broken_by_what_is_in_it() {
        assert_eq!(escaped("50%\r\nof it"), "50%25%0D%0Aof it");
        assert_eq!(property("a,b:c%"), "a%2Cb%3Ac%25");
    }
}
