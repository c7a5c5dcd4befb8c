//! The rules that come from how tenantctl runs a file: once in every tenant, in one transaction unless it says
//! otherwise, with the search path set.

use super::Hit;
use super::catalog::{
    CONCURRENTLY_IN_TRANSACTION, COPY_WITH_CLIENT, NOT_REPEATABLE, SESSION_SETTING, TRANSACTION_STATEMENT,
};
use super::relations::{Before, index};
use super::source::{NO_TRANSACTION, Statement};
use crate::db::Control;

/// What would end the tenant's transaction, or wants savepoints of it.
pub(super) fn transaction_statement(statement: &Statement<'_>) -> Option<Hit> {
    let opening = statement.opening();
    let opening: Vec<&str> = opening.iter().map(String::as_str).collect();
    let (message, help) = match Control::of(&opening)? {
        Control::Bounds => (
            "This would end the transaction in which tenantctl runs the file.",
            format!(
                "Leave it out. A file whose statements want no transaction begins with `{NO_TRANSACTION}`."
            ),
        ),
        Control::Savepoint => (
            "tenantctl sends a file as one message, or statement by statement; neither has savepoints.",
            "Leave it out, or write a `DO` block whose `EXCEPTION` clause catches what may fail.".to_owned(),
        ),
    };
    Some(Hit::new(
        TRANSACTION_STATEMENT,
        statement.span.clone(),
        message.to_owned(),
        Some(help),
    ))
}

/// What wants rows of its client, or sends it some. PostgreSQL takes either of its two words for both.
pub(super) fn copy_with_client(statement: &Statement<'_>) -> Option<Hit> {
    let place = |direction: &str| {
        let clients = ["stdin", "stdout"].iter();
        clients
            .filter_map(|client| statement.find(&[direction, client]))
            .next()
    };
    if !statement.begins(&["copy"]) {
        return None;
    }
    let (at, message, help) = match (place("from"), place("to")) {
        (Some(at), _) => (at, "This needs a client that sends rows.", "Write `INSERT`."),
        (None, Some(at)) => (at, "This needs a client that takes rows.", "Leave it out."),
        (None, None) => return None,
    };
    Some(Hit::new(
        COPY_WITH_CLIENT,
        statement.span_of(at),
        message.to_owned(),
        Some(help.to_owned()),
    ))
}

/// What cannot run inside a transaction, in a file that is one.
pub(super) fn concurrently_in_transaction(statement: &Statement<'_>, before: &Before) -> Option<Hit> {
    if let Some(at) = before.uses_label(statement) {
        let message = "A label of an enum cannot be used in the transaction that has added it.";
        let help = format!("Add it in a file of its own that begins with `{NO_TRANSACTION}`.");
        return Some(Hit::new(
            CONCURRENTLY_IN_TRANSACTION,
            statement.span_of(at),
            message.to_owned(),
            Some(help),
        ));
    }
    let starts = |words: &[&str]| statement.begins(words);
    let concurrently = statement.find(&["concurrently"]).filter(|_| {
        index(statement).is_some()
            || starts(&["drop", "index"])
            || starts(&["reindex"])
            || statement.has(&["detach", "partition"])
    });
    let option = statement.past_parentheses(1);
    let always = starts(&["vacuum"])
        || starts(&["alter", "system"])
        || starts(&["discard", "all"])
        || (starts(&["reindex"])
            && ["schema", "database", "system"]
                .iter()
                .any(|word| statement.reads(option, &[word])))
        || ["database", "tablespace", "subscription"]
            .iter()
            .any(|word| starts(&["create", word]) || starts(&["drop", word]));
    let span = match concurrently {
        Some(at) => statement.span_of(at),
        None if always => statement.span_of(0),
        None => return None,
    };
    Some(Hit::new(
        CONCURRENTLY_IN_TRANSACTION,
        span,
        "This cannot run inside a transaction, and the file is one.".to_owned(),
        Some(format!(
            "Put it into a file of its own whose first line is `{NO_TRANSACTION}`."
        )),
    ))
}

/// A setting that is meant to last, and does not.
pub(super) fn session_setting(statement: &Statement<'_>, in_transaction: bool) -> Option<Hit> {
    if names_search_path(statement).is_some() {
        return None;
    }
    let sets = statement.begins(&["set"])
        && !["local", "constraints", "transaction"]
            .iter()
            .any(|word| statement.reads(1, &[word]));
    let span = if sets {
        statement.span.clone()
    } else {
        let at = statement.find(&["set_config"])?;
        let end = statement.past_parentheses(at + 1);
        // The third argument: whether it is for the transaction only.
        let last = statement.words.get(end.checked_sub(2)?)?;
        if !["false", "off", "no", "f"].iter().any(|word| last.is(word)) {
            return None;
        }
        statement.span_of(at)
    };
    let (message, help) = if in_transaction {
        (
            "This ends with the file all the same: tenantctl takes back what a file has set.",
            "Write `SET LOCAL`, which says so.",
        )
    } else {
        (
            "A run that was interrupted goes on behind this, without the setting.",
            "Leave it out: in a file without transaction, tenantctl sets what a statement needs.",
        )
    };
    Some(Hit::new(
        SESSION_SETTING,
        span,
        message.to_owned(),
        Some(help.to_owned()),
    ))
}

/// Where a statement sets the search path.
pub(super) fn names_search_path(statement: &Statement<'_>) -> Option<usize> {
    if statement.begins(&["set"]) {
        let at = statement.past(statement.past(1, &["local"]), &["session"]);
        return ["search_path", "schema"]
            .iter()
            .any(|word| statement.reads(at, &[word]))
            .then_some(at);
    }
    let at = statement.find(&["set_config"])?;
    let argument = statement.words.get(at + 2)?;
    argument
        .text
        .to_ascii_lowercase()
        .contains("'search_path'")
        .then_some(at)
}

/// What fails when it is run again, in a file whose statements are committed one by one.
pub(super) fn not_repeatable(statement: &Statement<'_>) -> Option<Hit> {
    let hit = |at: usize, message: &str, help: &str| {
        let (message, help) = (message.to_owned(), Some(help.to_owned()));
        Some(Hit::new(NOT_REPEATABLE, statement.span_of(at), message, help))
    };
    let starts = |words: &[&str]| statement.begins(words);
    let is_guard =
        |at: usize| statement.reads(at, &["if", "not", "exists"]) || statement.reads(at, &["if", "exists"]);
    let guarded = !starts(&["alter"]) && (0..statement.words.len()).any(is_guard);
    let concurrently = statement.has(&["concurrently"]);
    if let Some(at) = index(statement)
        && concurrently
    {
        if statement.reads(at, &["on"]) {
            return hit(
                at.saturating_sub(1),
                "An index without a name cannot be found again when it was left half-built.",
                "Give it a name.",
            );
        }
        return None;
    }
    if guarded || (starts(&["drop", "index"]) && concurrently) {
        return None;
    }
    let again = "When the file is interrupted, this statement may run again, and fails then.";
    if starts(&["create"]) && !starts(&["create", "or", "replace"]) {
        return hit(
            0,
            again,
            "Write `IF NOT EXISTS` or `OR REPLACE`, or move it into a file with a transaction.",
        );
    }
    if starts(&["drop"]) {
        return hit(0, again, "Write `IF EXISTS`.");
    }
    if starts(&["insert"]) && !statement.has(&["on", "conflict"]) {
        return hit(
            0,
            "When the file is interrupted, this statement may run again, and adds the rows twice or fails.",
            "Write `ON CONFLICT DO NOTHING`, or move it into a file with a transaction.",
        );
    }
    if !starts(&["alter"]) {
        return None;
    }
    let at = (2..statement.words.len()).find(|at| {
        let reads = |words: &[&str]| statement.words[*at].depth == 0 && statement.reads(*at, words);
        let drops_part = reads(&["drop"])
            && !["default", "not", "identity", "expression"]
                .iter()
                .any(|word| statement.reads(at + 1, &[word]));
        // A guard is about what stands before it: `ALTER TABLE IF EXISTS` about the table.
        let is_guarded =
            is_guard(at + 1) || is_guard(at + 2) || reads(&["rename", "to"]) && (0..*at).any(is_guard);
        !is_guarded
            && (reads(&["add"])
                || drops_part
                || reads(&["rename"])
                || reads(&["attach"])
                || reads(&["detach"]))
    })?;
    hit(
        at,
        again,
        "Write `IF NOT EXISTS` or `IF EXISTS`, or move it into a file with a transaction.",
    )
}
