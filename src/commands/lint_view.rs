//! How findings of a review are shown.

use std::fmt::Write as _;

use serde::Serialize;

use crate::config::OutputFormat;
use crate::ops::lint::Finding;
use crate::ui::{Cell, Column, Table, Ui, View, WIDTH, wrapped};
use crate::words;

#[derive(Debug, Serialize)]
pub(super) struct LintView {
    /// The files that were reviewed.
    pub(super) files: Vec<String>,
    pub(super) findings: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
pub(super) struct FindingView {
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

impl LintView {
    /// For people, no findings are no lines.
    pub(super) fn answer(&self, ui: &Ui) -> anyhow::Result<()> {
        if ui.format() == OutputFormat::Human && self.findings.is_empty() {
            return Ok(());
        }
        ui.answer(self)
    }

    pub(super) fn summary(&self) -> String {
        let files = words::count(self.files.len(), "file");
        match (self.files.len(), self.findings.len()) {
            (0, _) => "nothing to review: no migration is pending".to_owned(),
            (_, 0) => format!("no findings in {files}"),
            (_, findings) => format!("{} in {files}", words::count(findings, "finding")),
        }
    }

    /// As GitHub Actions reads them from a step's output.
    pub(super) fn annotations(&self) -> String {
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

impl FindingView {
    /// Place and rule, what is wrong, the line with a mark below, what to do.
    fn shown(&self) -> String {
        let mut text = format!("{}:{}:{}: {}\n", self.file, self.line, self.column, self.rule);
        push_wrapped(&mut text, &self.message);
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
            push_wrapped(&mut text, &format!("help: {help}"));
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

/// Words on lines that are set in.
fn push_wrapped(text: &mut String, words: &str) {
    let words = unbroken(words);
    text.push_str(&wrapped(words.iter().map(String::as_str), "  ", "  "));
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
