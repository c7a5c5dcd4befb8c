//! Comments that speak to tenantctl: which rules a file or a statement is allowed to break.

use std::ops::Range;

use super::Hit;
use super::catalog::{Rules, UNKNOWN_COMMENT};
use super::source::{Comment, NO_TRANSACTION, Source};

const MARK: &str = "tenantctl:";

/// What is allowed in a file.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    rules: Vec<(String, Where)>,
    /// Comments that cannot be meant as they stand.
    pub(super) mistakes: Vec<Hit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Everywhere,
    Statement(usize),
}

impl Allowed {
    pub(super) fn read(source: &Source<'_>, rules: &Rules) -> Self {
        let mut allowed = Self::default();
        for comment in &source.comments {
            let Some(order) = order(comment.text) else {
                continue;
            };
            let span = comment.at..comment.at + comment.text.trim_end().len();
            if order == "no-transaction" {
                allowed.mistakes.extend(misplaced(source, comment, &span));
            } else if let Some(names) = order.strip_prefix("allow ") {
                // What follows a colon is the reason.
                let names = names.split(':').next().unwrap_or(names);
                for name in names.split(',').map(str::trim) {
                    if rules.is_known(name) {
                        if let Some(place) = place(source, comment) {
                            allowed.rules.push((name.to_owned(), place));
                        }
                    } else {
                        let nearest = rules.nearest(name);
                        allowed.mistakes.push(Hit::new(
                            UNKNOWN_COMMENT,
                            span.clone(),
                            format!("There is no rule `{name}`."),
                            nearest.map(|nearest| format!("Did you mean `{nearest}`?")),
                        ));
                    }
                }
            } else {
                allowed.mistakes.push(Hit::new(
                    UNKNOWN_COMMENT,
                    span,
                    "This comment means nothing to tenantctl.".to_owned(),
                    Some(format!("Write `{NO_TRANSACTION}` or `-- tenantctl: allow RULE`.")),
                ));
            }
        }
        allowed
    }

    /// Whether a rule may be broken at this place.
    pub(super) fn covers(&self, source: &Source<'_>, hit: &Hit) -> bool {
        let statement = source.statement_at(hit.span.start);
        self.rules.iter().any(|(rule, place)| {
            *rule == hit.rule
                && match place {
                    Where::Everywhere => true,
                    Where::Statement(number) => statement == Some(*number),
                }
        })
    }
}

/// What a comment tells tenantctl to do.
fn order(comment: &str) -> Option<&str> {
    let inner = comment
        .strip_prefix("--")
        .or_else(|| comment.strip_prefix("/*")?.strip_suffix("*/"))?;
    Some(inner.trim().strip_prefix(MARK)?.trim())
}

/// A marker that `migrate` would pass over.
fn misplaced(source: &Source<'_>, comment: &Comment<'_>, span: &Range<usize>) -> Option<Hit> {
    let first = source
        .statements
        .first()
        .map_or(source.text.len(), |statement| statement.span.start);
    let problem = if comment.text.trim() != NO_TRANSACTION {
        "This comment is not written as tenantctl reads it."
    } else if comment.at > first {
        "This comment comes too late: the file is one transaction."
    } else {
        return None;
    };
    let help = format!("Begin the file with the line `{NO_TRANSACTION}`.");
    Some(Hit::new(
        UNKNOWN_COMMENT,
        span.clone(),
        problem.to_owned(),
        Some(help),
    ))
}

/// What a comment speaks of: the statement that it stands in, behind or before; or the file, when a blank line parts it
/// from the first statement.
fn place(source: &Source<'_>, comment: &Comment<'_>) -> Option<Where> {
    let end = comment.at + comment.text.len();
    let Some(next) = source
        .statements
        .iter()
        .position(|statement| statement.span.end > comment.at)
    else {
        let last = source.statements.len().checked_sub(1);
        return last.map(Where::Statement);
    };
    let start = source.statements[next].span.start;
    if start < comment.at {
        return Some(Where::Statement(next));
    }
    match next.checked_sub(1) {
        None => {
            let lines: Vec<&str> = source.text[end..start].split('\n').collect();
            let blank = lines
                .iter()
                .rev()
                .skip(1)
                .rev()
                .skip(1)
                .any(|line| line.trim().is_empty());
            Some(if blank {
                Where::Everywhere
            } else {
                Where::Statement(next)
            })
        }
        Some(before) => {
            let gap = &source.text[source.statements[before].span.end..comment.at];
            Some(Where::Statement(if gap.contains('\n') { next } else { before }))
        }
    }
}
