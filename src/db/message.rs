//! A message of several parts, which PostgreSQL makes one transaction: how it is put together, and which part of it
//! failed.

use super::conn::clean_up;
use super::error::Error;
use super::sql_text::statements;

/// What stands between the parts of a message. One may end in a comment.
const BETWEEN_PARTS: &str = "\n;\n";

/// Names that deferred triggers leave open are looked for nowhere rather than in a schema of the default path.
const NO_PATH: &str = "SET LOCAL search_path = pg_catalog";

/// Whether a commit waits for the server's disk, and for the standbys that it is told to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// A crash of the server within a second may undo it, as a whole. A later commit of anybody's that waits takes it
    /// along: a run over many tenants ends with one, the last line of its log.
    Soon,
    Now,
}

impl Commit {
    /// The setting as SQL for a transaction.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Soon => "SET LOCAL synchronous_commit = off; ",
            Self::Now => "",
        }
    }
}

/// A message of several parts that had no effect.
#[derive(Debug, Clone)]
pub struct Undone {
    /// Which part failed, counted from 0.
    pub part: usize,
    pub error: Error,
}

/// A message of these parts, which cleans up at its end. What the cleaning would reset comes after it.
pub(super) fn whole(parts: &[&str], commit: Commit) -> String {
    let clean_up = if parts.iter().any(|part| mentions_prepare(part)) {
        clean_up_after_all()
    } else {
        clean_up().to_owned()
    };
    let last = format!("{}{NO_PATH}", commit.setting());
    [parts, &[clean_up.as_str(), last.as_str()]]
        .concat()
        .join(BETWEEN_PARTS)
}

/// How many statements a part has. What cannot be read would not have been run.
pub(super) fn statements_in(part: &str) -> usize {
    statements(part).map_or(0, |statements| statements.len())
}

/// The part in which a character of the message stands.
pub(super) fn part_at(parts: &[&str], position: usize) -> usize {
    let between = BETWEEN_PARTS.chars().count();
    let ends = parts.iter().scan(0, |end, part| {
        *end += part.chars().count() + between;
        Some(*end)
    });
    ends.take_while(|end| *end <= position)
        .count()
        .min(parts.len().saturating_sub(1))
}

/// The part to which the statement belongs that comes after so many.
pub(super) fn part_after(parts: &[&str], done: usize) -> usize {
    let ends = parts.iter().scan(0, |end, part| {
        *end += statements_in(part);
        Some(*end)
    });
    ends.take_while(|end| *end <= done)
        .count()
        .min(parts.len().saturating_sub(1))
}

/// Statements that take away whatever SQL that is not ours may leave on a connection which a pooler may hand to
/// somebody else. Of prepared statements those that came as SQL: the others are the pooler's or the driver's.
pub fn clean_up_after_all() -> String {
    const DEALLOCATE: &str = "DO $$ DECLARE statement text; BEGIN \
                              FOR statement IN SELECT name FROM pg_catalog.pg_prepared_statements WHERE from_sql LOOP \
                              EXECUTE format('DEALLOCATE %I', statement); END LOOP; END $$";
    format!("{} {DEALLOCATE}", clean_up())
}

/// Whether a statement may have been prepared.
fn mentions_prepare(message: &str) -> bool {
    const WORD: &[u8] = b"prepare";
    message
        .as_bytes()
        .windows(WORD.len())
        .any(|bytes| bytes.eq_ignore_ascii_case(WORD))
}
