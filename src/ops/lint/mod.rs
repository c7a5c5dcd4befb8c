//! Reviews migrations for what holds up tenants in production, and for what does not fit the way in which tenantctl
//! runs them. Knows files only, no database.
//!
//! `squawk` brings the rules that everybody has, the other files those of schema-per-tenant; `catalog` names them
//! all, `allow` reads the comments that excuse a statement.

mod allow;
mod catalog;
mod guard;
mod heavy;
mod relations;
mod rules;
mod schema;
mod source;
mod squawk;

use std::ops::Range;

use self::allow::Allowed;
pub use self::catalog::Rules;
use self::catalog::SYNTAX_ERROR;
use self::relations::Before;
use self::source::Source;
use crate::tenant::Naming;

/// A file to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// As it is named in findings.
    pub name: String,
    pub text: String,
}

/// How files have to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// They are applied one after the other: a table from the first is new in the second.
    Run,
    /// They were written at different times.
    EachAlone,
}

/// What to review, and by which rules.
#[derive(Debug)]
pub struct Request {
    pub files: Vec<File>,
    pub scope: Scope,
    pub rules: Rules,
    pub naming: Naming,
}

/// A place in a file that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// How many characters of the line are meant.
    pub length: usize,
    pub rule: String,
    pub message: String,
    pub help: Option<String>,
    /// The line of the file.
    pub sql: String,
}

/// Why there is no review.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LintError {
    #[error("setting `{setting}`: there is no rule `{name}`")]
    UnknownRule {
        setting: &'static str,
        name: String,
        nearest: Option<String>,
    },
    #[error("rule `{0}` is both in `lint.exclude` and in `lint.include`")]
    InAndOut(String),
}

impl LintError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownRule {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean `{nearest}`?")),
            Self::UnknownRule { nearest: None, .. } => {
                Some("the rules are listed in `docs/lint.md`".to_owned())
            }
            Self::InAndOut(_) => None,
        }
    }
}

/// A rule that is broken, before it is known whether that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hit {
    rule: String,
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Hit {
    fn new(rule: &str, span: Range<usize>, message: String, help: Option<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            span,
            message,
            help,
        }
    }
}

/// Reviews the files in their order. Findings come by file and place.
pub fn review(request: &Request) -> Vec<Finding> {
    let mut before = Before::default();
    let mut findings = Vec::new();
    for file in &request.files {
        if request.scope == Scope::EachAlone {
            before = Before::default();
        }
        let mut hits = hits(file, request, &mut before);
        hits.sort_by(|one, other| (one.span.start, &one.rule).cmp(&(other.span.start, &other.rule)));
        hits.dedup_by(|one, other| one.rule == other.rule && one.span == other.span);
        findings.extend(hits.into_iter().map(|hit| Finding::new(file, hit)));
    }
    findings
}

/// What one file breaks that is not allowed.
fn hits(file: &File, request: &Request, before: &mut Before) -> Vec<Hit> {
    let text = file.text.as_str();
    let source = match Source::read(text) {
        Ok(source) => source,
        Err(unterminated) => {
            // Nothing can be said of the rest, so that one mistake is one finding.
            let at = line_start(text, unterminated.line);
            let message = format!("This {} is never closed.", unterminated.what);
            return vec![Hit::new(SYNTAX_ERROR, at..text.len(), message, None)];
        }
    };
    let (parse, mut hits) = squawk::parse(&source);
    let allowed = Allowed::read(&source, &request.rules);
    hits.extend(schema::names_schema(
        &source,
        &parse.syntax_node(),
        &request.naming,
    ));
    let mut squawks = squawk::hits(&parse, text, source.in_transaction);
    if !source.in_transaction {
        before.transaction_ended();
    }
    for statement in &source.statements {
        let is_new = before.made_all(statement);
        let (own, rest): (Vec<Hit>, Vec<Hit>) = squawks
            .into_iter()
            .partition(|hit| statement.span.contains(&hit.span.start));
        squawks = rest;
        if !is_new && own.iter().all(|hit| hit.rule != squawk::ANY_CONSTRAINT) {
            hits.extend(squawk::proves_too_early(statement, before));
        }
        hits.extend(own.into_iter().filter(|hit| {
            !(is_new && squawk::is_moot_when_new(&hit.rule)
                || hit.rule == "adding-not-nullable-field" && before.validated(statement))
        }));
        hits.extend(rules::transaction_statement(statement));
        hits.extend(rules::copy_with_client(statement));
        hits.extend(rules::session_setting(statement, source.in_transaction));
        if source.in_transaction {
            hits.extend(rules::concurrently_in_transaction(statement, before));
        } else {
            hits.extend(rules::not_repeatable(statement));
        }
        if !is_new {
            hits.extend(heavy::heavy_lock(statement));
        }
        before.learn(statement);
    }
    if !source.in_transaction {
        before.transaction_ended();
    }
    hits.extend(squawks);
    hits.retain(|hit| !allowed.covers(&source, hit));
    hits.extend(allowed.mistakes);
    hits.retain(|hit| request.rules.is_on(&hit.rule));
    hits
}

/// Where a line begins, counted from 1.
fn line_start(text: &str, line: usize) -> usize {
    let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0)
        .chain(breaks)
        .nth(line - 1)
        .unwrap_or(text.len())
}

impl Finding {
    fn new(file: &File, hit: Hit) -> Self {
        let text = file.text.as_str();
        // An error at the end of a file belongs to its last line with something in it.
        let written = text.trim_end().len();
        let start = floor(text, hit.span.start.min(written));
        let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[begin..end].trim_end();
        let last = floor(text, hit.span.end.min(begin + line.len()).max(start));
        Self {
            file: file.name.clone(),
            line: text[..begin].matches('\n').count() + 1,
            column: text[begin..start].chars().count() + 1,
            length: text[start..last].chars().count().max(1),
            rule: hit.rule,
            message: hit.message,
            help: hit.help,
            sql: line.to_owned(),
        }
    }
}

/// The nearest place before that is between two characters.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
