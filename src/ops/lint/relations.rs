//! What statements make and change, and what has been made since the run began: nobody waits for a table that nobody
//! has seen yet.

use std::collections::HashSet;

use super::source::Statement;
use crate::db::TokenKind;

/// What the statements before have done.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Tables, materialized views and their indexes that were made in this run.
    made: HashSet<String>,
    /// Tables of which a constraint was validated in this run.
    validated: HashSet<String>,
    /// Labels of enums that were added in this transaction.
    labels: HashSet<String>,
    /// Constraints that were added with `NOT VALID` in this transaction.
    unproven: HashSet<String>,
    /// Types that were made in this run.
    types: HashSet<String>,
}

impl Before {
    /// Whether a statement has to do with nothing but what was made in this run.
    pub(super) fn made_all(&self, statement: &Statement<'_>) -> bool {
        let relations = relations(statement);
        !relations.is_empty() && relations.iter().all(|relation| self.made.contains(relation))
    }

    /// Whether a constraint of the statement's table was validated before.
    pub(super) fn validated(&self, statement: &Statement<'_>) -> bool {
        relations(statement)
            .iter()
            .any(|relation| self.validated.contains(relation))
    }

    /// The label of an enum in a statement that was added in the same transaction.
    pub(super) fn uses_label(&self, statement: &Statement<'_>) -> Option<usize> {
        statement
            .words
            .iter()
            .position(|word| word.kind == TokenKind::Text && self.labels.contains(word.text))
    }

    /// Where a statement validates a constraint that was added in the same transaction.
    pub(super) fn proves_too_early(&self, statement: &Statement<'_>) -> Option<usize> {
        let at = statement.find(&["validate", "constraint"])?;
        let (name, _) = statement.name(at + 2)?;
        self.unproven.contains(&name).then_some(at)
    }

    /// What is committed cannot be in the way any more.
    pub(super) fn transaction_ended(&mut self) {
        self.labels.clear();
        self.unproven.clear();
    }

    /// Takes note of what a statement does.
    pub(super) fn learn(&mut self, statement: &Statement<'_>) {
        if let Some(name) = made(statement) {
            self.made.insert(name);
        }
        if statement.begins(&["create", "type"]) {
            self.types.extend(statement.name(2).map(|(name, _)| name));
        }
        let changes_made = self.made_all(statement);
        if let Some((index, _)) = index(statement).and_then(|at| statement.name(at)) {
            if changes_made {
                self.made.insert(index);
            }
        } else if statement.begins(&["alter", "table"]) {
            if statement.has(&["validate", "constraint"]) {
                self.validated.extend(relations(statement));
            }
            if let Some(at) = statement.find(&["add", "constraint"])
                && statement.has(&["not", "valid"])
            {
                self.unproven.extend(statement.name(at + 2).map(|(name, _)| name));
            }
            if let Some(at) = statement.find(&["rename", "to"])
                && changes_made
            {
                self.made.extend(statement.name(at + 2).map(|(name, _)| name));
            }
        } else if statement.begins(&["alter", "type"])
            && statement
                .name(2)
                .is_some_and(|(name, _)| !self.types.contains(&name))
            && let Some(at) = statement.find(&["add", "value"])
        {
            let at = statement.past(at + 2, &["if", "not", "exists"]);
            self.labels
                .extend(statement.words.get(at).map(|word| word.text.to_owned()));
        }
    }
}

/// The table or materialized view that a statement makes.
fn made(statement: &Statement<'_>) -> Option<String> {
    if !statement.begins(&["create"]) {
        return None;
    }
    let mut at = 1;
    for word in ["global", "local", "temp", "temporary", "unlogged"] {
        at = statement.past(at, &[word]);
    }
    let at = match statement.past(statement.past(at, &["table"]), &["materialized", "view"]) {
        after if after > at => after,
        _ => return None,
    };
    let (name, _) = statement.name(statement.past(at, &["if", "not", "exists"]))?;
    Some(name)
}

/// Where the name of the index that a statement makes would stand.
pub(super) fn index(statement: &Statement<'_>) -> Option<usize> {
    let at = statement.past(statement.past(0, &["create"]), &["unique"]);
    if !statement.begins(&["create"]) || !statement.reads(at, &["index"]) {
        return None;
    }
    let at = statement.past(at + 1, &["concurrently"]);
    Some(statement.past(at, &["if", "not", "exists"]))
}

/// The relations that a statement changes or locks, as far as it names them.
fn relations(statement: &Statement<'_>) -> Vec<String> {
    let named = |at: usize| {
        let at = statement.past(at, &["concurrently"]);
        statement.names(statement.past(at, &["if", "exists"]))
    };
    if let Some(at) = index(statement) {
        let on = (at..statement.words.len()).find(|at| statement.reads(*at, &["on"]));
        return on.map_or_else(Vec::new, |on| {
            let name = statement.name(statement.past(on + 1, &["only"]));
            name.into_iter().map(|(name, _)| name).collect()
        });
    }
    let second = |word: &str| statement.reads(1, &[word]);
    match statement.words.first().map(|word| word.text.to_ascii_lowercase()) {
        Some(first) => match first.as_str() {
            "alter" if second("table") || second("index") => {
                let at = statement.past(2, &["if", "exists"]);
                let name = statement.name(statement.past(at, &["only"]));
                name.into_iter().map(|(name, _)| name).collect()
            }
            "drop" if second("table") || second("index") => named(2),
            "drop" if statement.begins(&["drop", "materialized", "view"]) => named(3),
            "refresh" if statement.begins(&["refresh", "materialized", "view"]) => named(3),
            "truncate" | "lock" => named(statement.past(1, &["table"])),
            "cluster" => named(statement.past(statement.past_parentheses(1), &["verbose"])),
            "vacuum" => {
                let mut at = statement.past_parentheses(1);
                for word in ["full", "freeze", "verbose", "analyze"] {
                    at = statement.past(at, &[word]);
                }
                named(at)
            }
            "reindex" => {
                let at = statement.past_parentheses(1);
                let after = statement.past(statement.past(at, &["table"]), &["index"]);
                if after > at { named(after) } else { Vec::new() }
            }
            _ => Vec::new(),
        },
        None => Vec::new(),
    }
}
