//! squawk's rules, told how tenantctl runs a file.

use std::ops::Range;

use squawk_linter::{Linter, LinterSettings, Version};
use squawk_syntax::{Parse, SourceFile};

use super::Hit;
use super::catalog::SYNTAX_ERROR;
use super::guard::guarded;
use super::relations::Before;
use super::source::{Source, Statement};

/// The oldest PostgreSQL that tenantctl works with.
const OLDEST: &str = "14";

/// Rules about waiting for a table, or about who else uses it: nobody does when it was made in the same run.
const MOOT_WHEN_NEW: [&str; 15] = [
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "constraint-missing-not-valid",
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "changing-column-type",
    "adding-not-nullable-field",
    "adding-serial-primary-key-field",
    "renaming-column",
    "renaming-table",
    "disallowed-unique-constraint",
    "ban-drop-column",
    "ban-drop-table",
    "ban-drop-not-null",
    "adding-required-field",
];

/// The rule for any constraint, and those that say the same of one kind.
pub(super) const ANY_CONSTRAINT: &str = "constraint-missing-not-valid";
const ONE_CONSTRAINT: [&str; 3] = [
    "adding-foreign-key-constraint",
    "disallowed-unique-constraint",
    "adding-serial-primary-key-field",
];

/// What squawk finds, by all of its rules.
pub(super) fn hits(parse: &Parse<SourceFile>, text: &str, in_transaction: bool) -> Vec<Hit> {
    let lint = || {
        let mut linter = Linter::with_all_rules();
        linter.settings = LinterSettings {
            pg_version: OLDEST.parse::<Version>().unwrap_or_default(),
            assume_in_transaction: in_transaction,
        };
        linter.lint(parse, text)
    };
    let Some(violations) = guarded(lint) else {
        return vec![syntax_error(
            0..text.len(),
            "squawk's rules cannot be applied to this file",
        )];
    };
    let mut hits: Vec<Hit> = violations
        .into_iter()
        .map(|violation| {
            let rule = violation.code.to_string();
            let range = violation.text_range;
            let help = help(&rule).map(str::to_owned).or(violation.help);
            Hit::new(
                &rule,
                range.start().into()..range.end().into(),
                violation.message,
                help,
            )
        })
        .collect();
    let special: Vec<_> = hits
        .iter()
        .filter(|hit| ONE_CONSTRAINT.contains(&hit.rule.as_str()))
        .map(|hit| hit.span.clone())
        .collect();
    hits.retain(|hit| !takes_varchar_for_char(hit, text));
    hits.retain(|hit| {
        hit.rule != ANY_CONSTRAINT
            || !special
                .iter()
                .any(|span| span.start < hit.span.end && hit.span.start < span.end)
    });
    hits
}

/// What squawk says within a file, said of files that are one transaction.
pub(super) fn proves_too_early(statement: &Statement<'_>, before: &Before) -> Option<Hit> {
    let at = before.proves_too_early(statement)?;
    Some(Hit::new(
        ANY_CONSTRAINT,
        statement.span_of(at),
        "The constraint is added in the same transaction, whose lock is held while the table is read."
            .to_owned(),
        Some("Roll out the migration that adds it before this one.".to_owned()),
    ))
}

/// squawk 2.40 takes `character varying` for `character`.
fn takes_varchar_for_char(hit: &Hit, text: &str) -> bool {
    let mut words = text.get(hit.span.clone()).unwrap_or_default().split_whitespace();
    hit.rule == "ban-char-field"
        && words
            .nth(1)
            .is_some_and(|word| word.to_ascii_lowercase().starts_with("varying"))
}

/// squawk's reading of a file, and what it could not read.
///
/// Its parser does not know all of PostgreSQL's grammar and loses its way after a mistake. So a statement that it cannot
/// read is reported and left blank, and what follows is read as if it were not there.
pub(super) fn parse(source: &Source<'_>) -> (Parse<SourceFile>, Vec<Hit>) {
    let mut errors = Vec::new();
    if let (parse, None) = try_parse(source.text) {
        return (parse, errors);
    }
    let mut rest = source.text.to_owned();
    for statement in &source.statements {
        let span = statement.span.clone();
        let text = &source.text[span.clone()];
        if let (_, Some((at, message))) = try_parse(text) {
            errors.push(syntax_error(span.start + at.min(text.len())..span.end, &message));
            let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
            rest.replace_range(span, &text.bytes().map(blank).collect::<String>());
        }
    }
    let (parse, error) = try_parse(&rest);
    if errors.is_empty() {
        errors.extend(error.map(|(at, message)| syntax_error(at..rest.len(), &message)));
    }
    (parse, errors)
}

/// What squawk makes of a text, and where its first mistake is.
fn try_parse(text: &str) -> (Parse<SourceFile>, Option<(usize, String)>) {
    let read = || {
        let parse = SourceFile::parse(text);
        let errors = parse.errors();
        let first = errors
            .first()
            .map(|error| (error.range().start().into(), error.message().to_owned()));
        (parse, first)
    };
    guarded(read).unwrap_or_else(|| {
        let nothing = SourceFile::parse("");
        (nothing, Some((0, "it is not complete".to_owned())))
    })
}

fn syntax_error(span: Range<usize>, message: &str) -> Hit {
    Hit::new(
        SYNTAX_ERROR,
        span.start..span.start.saturating_add(1).min(span.end),
        format!(
            "lint cannot read this statement: {}.",
            message.trim_end_matches('.')
        ),
        Some(
            "If PostgreSQL can, write `-- tenantctl: allow syntax-error` before it; other rules go on."
                .to_owned(),
        ),
    )
}

pub(super) fn is_moot_when_new(rule: &str) -> bool {
    MOOT_WHEN_NEW.contains(&rule)
}

/// squawk's advice where it leaves out what tenantctl needs for it.
fn help(rule: &str) -> Option<&'static str> {
    Some(match rule {
        "require-concurrent-index-creation" => {
            "Write `CREATE INDEX CONCURRENTLY` in a file of its own that begins with `-- tenantctl: no-transaction`."
        }
        "require-concurrent-index-deletion" => {
            "Write `DROP INDEX CONCURRENTLY` in a file of its own that begins with `-- tenantctl: no-transaction`."
        }
        "disallowed-unique-constraint" | "adding-serial-primary-key-field" => {
            "Build a unique index `CONCURRENTLY` in a file that begins with `-- tenantctl: no-transaction`, then add the \
             constraint `USING INDEX` in the next."
        }
        "adding-foreign-key-constraint" | ANY_CONSTRAINT => {
            "Add it with `NOT VALID`, and `VALIDATE CONSTRAINT` it in a migration that is rolled out later."
        }
        "adding-not-nullable-field" => {
            "Add `CHECK (column IS NOT NULL) NOT VALID`, validate it in a later migration, then set `NOT NULL`: the \
             table is not read again."
        }
        _ => return None,
    })
}
