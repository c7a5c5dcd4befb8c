//! What holds a table's strongest lock for long, as far as squawk has no rule for it.

use super::Hit;
use super::catalog::HEAVY_LOCK;
use super::source::Statement;

/// A statement that keeps everybody else from a table for as long as the table is big.
pub(super) fn heavy_lock(statement: &Statement<'_>) -> Option<Hit> {
    let hit = |at: usize, message: &str, help: &str| {
        let (message, help) = (message.to_owned(), Some(help.to_owned()));
        Some(Hit::new(HEAVY_LOCK, statement.span_of(at), message, help))
    };
    let starts = |words: &[&str]| statement.begins(words);
    let concurrently = statement.has(&["concurrently"]);
    if starts(&["vacuum"]) {
        let options = statement.past_parentheses(1).max(2);
        let at = (1..options).find(|at| statement.reads(*at, &["full"]))?;
        return hit(
            at,
            "`VACUUM FULL` writes the whole table anew, and nobody can read it meanwhile.",
            "A plain `VACUUM` blocks nobody.",
        );
    }
    if starts(&["cluster"]) {
        return hit(
            0,
            "`CLUSTER` writes the whole table anew, and nobody can read it meanwhile.",
            "Do it when nobody works.",
        );
    }
    if starts(&["reindex"]) && !concurrently {
        return hit(
            0,
            "`REINDEX` keeps writers, and readers that use the index, waiting until it is built.",
            "Write `REINDEX … CONCURRENTLY` in a file of its own that begins with `-- tenantctl: no-transaction`.",
        );
    }
    if starts(&["lock"]) {
        return hit(
            0,
            "The lock is held until the tenant's whole migration is committed.",
            "Leave it to the statements to lock what they need.",
        );
    }
    if starts(&["truncate"]) {
        return hit(
            0,
            "`TRUNCATE` removes all rows, and nobody can read the table until the migration is committed.",
            "`DELETE` in batches blocks nobody, or allow it where the table is not in use.",
        );
    }
    if starts(&["refresh", "materialized", "view"]) && !concurrently {
        return hit(
            0,
            "Nobody can read the materialized view until it is filled.",
            "Write `CONCURRENTLY`, which needs a unique index on the view.",
        );
    }
    if starts(&["alter", "table"]) {
        return altered_table(statement);
    }
    None
}

fn altered_table(statement: &Statement<'_>) -> Option<Hit> {
    const REWRITES: [(&[&str], &str); 5] = [
        (&["set", "tablespace"], "Moving a table"),
        (&["set", "logged"], "Making a table logged"),
        (&["set", "unlogged"], "Making a table unlogged"),
        (&["set", "access", "method"], "Changing how a table is stored"),
        (&["set", "expression"], "Changing how a column is generated"),
    ];
    for (words, what) in REWRITES {
        if let Some(at) = statement.find(words) {
            return Some(Hit::new(
                HEAVY_LOCK,
                statement.span_of(at),
                format!("{what} writes all of it anew, and nobody can read it meanwhile."),
                None,
            ));
        }
    }
    let ends = |at: usize| statement.words[at].text == "," && statement.words[at].depth == 0;
    (2..statement.words.len())
        .filter(|at| statement.words[*at].depth == 0 && statement.reads(*at, &["add"]))
        .find_map(|add| {
            let length = statement.words.len();
            let end = (add..length).find(|at| ends(*at)).unwrap_or(length);
            added_column(statement, add, end)
        })
}

/// A column that cannot be added without reading or writing the whole table. Defaults are squawk's.
fn added_column(statement: &Statement<'_>, add: usize, end: usize) -> Option<Hit> {
    const CONSTRAINTS: [&str; 6] = ["constraint", "check", "foreign", "primary", "unique", "exclude"];
    if CONSTRAINTS.iter().any(|word| statement.reads(add + 1, &[word])) {
        return None;
    }
    let at = statement.past(statement.past(add + 1, &["column"]), &["if", "not", "exists"]);
    let (_, kind) = statement.name(at)?;
    let is_serial = [
        "serial",
        "bigserial",
        "smallserial",
        "serial2",
        "serial4",
        "serial8",
    ]
    .iter()
    .any(|word| statement.reads(kind, &[word]));
    if is_serial {
        return Some(Hit::new(
            HEAVY_LOCK,
            statement.span_of(kind),
            "A column with a sequence gives each row a number: the table is written anew, and nobody can read it meanwhile."
                .to_owned(),
            Some("Add the column without a default, fill it in batches, then set the default.".to_owned()),
        ));
    }
    let check = (kind..end).find(|at| statement.words[*at].depth == 0 && statement.reads(*at, &["check"]))?;
    Some(Hit::new(
        HEAVY_LOCK,
        statement.span_of(check),
        "The whole table is read for the check, and nobody can use it meanwhile.".to_owned(),
        Some("Add the column first, then the constraint with `NOT VALID`, and validate it in a later migration.".to_owned()),
    ))
}
