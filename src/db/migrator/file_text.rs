//! What the text of a migration tells before anything of it is run.

use super::Migrations;
use super::concurrent::Concurrent;
use crate::db::sql_text::{Control, Statement, Token, TokenKind, statements, tokens};

/// The first line of a file whose statements want no transaction.
pub const NO_TRANSACTION: &str = "-- tenantctl: no-transaction";

impl Migrations {
    /// Whether a file among these, by name, has statements that want no transaction.
    pub fn want_no_transaction(&self, names: &[String]) -> bool {
        self.files
            .iter()
            .filter(|file| names.contains(&file.to_string()))
            .any(|file| wants_no_transaction(file.sql().unwrap_or_default()))
    }

    /// Finds what cannot be run as a migration, among the files of these names and after that version, before any
    /// schema is touched. What was applied long ago by other means may be anything.
    pub fn check(
        &self,
        is_wanted: impl Fn(&String) -> bool,
        after: Option<i64>,
    ) -> Result<(), UnfitMigration> {
        for file in &self.files {
            let name = file.to_string();
            if !is_wanted(&name) || after.is_some_and(|after| file.version() <= after) {
                continue;
            }
            let sql = file.sql().unwrap_or_default();
            let unfit = |problem| UnfitMigration {
                migration: name.clone(),
                problem,
            };
            let statements = statements(sql).map_err(|error| unfit(error.to_string()))?;
            let singly = wants_no_transaction(sql);
            if singly
                && statements
                    .iter()
                    .any(|statement| Concurrent::of(statement) == Some(Concurrent::Unnamed))
            {
                return Err(unfit(
                    "the index has no name, so that one left half-built could not be found again".to_owned(),
                ));
            }
            if copies(&statements, "from") {
                return Err(unfit(
                    "`COPY … FROM STDIN` needs a client that sends rows; write `INSERT` instead".to_owned(),
                ));
            }
            if copies(&statements, "to") {
                return Err(unfit(
                    "`COPY … TO STDOUT` needs a client that takes rows; leave it out".to_owned(),
                ));
            }
            if let Some(words) = statements.iter().find_map(controls_transaction) {
                return Err(unfit(format!(
                    "`{words}` interferes with the transaction of the tenant"
                )));
            }
        }
        Ok(())
    }
}

/// A file that would do harm as a migration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("migration `{migration}`: {problem}")]
pub struct UnfitMigration {
    migration: String,
    problem: String,
}

/// Whether rows are copied in this direction by the client. PostgreSQL takes either of its two words for both.
fn copies(statements: &[Statement], direction: &str) -> bool {
    let is_one = |statement: &Statement| {
        let Ok(tokens) = tokens(&statement.text) else {
            return false;
        };
        let words: Vec<_> = tokens.iter().filter(|token| !token.is_blank()).collect();
        words.windows(2).any(|pair| {
            pair[0].is_word(direction) && ["stdin", "stdout"].iter().any(|client| pair[1].is_word(client))
        })
    };
    let mut copies = statements
        .iter()
        .filter(|statement| statement.opening.first().is_some_and(|word| word == "copy"));
    copies.any(is_one)
}

fn controls_transaction(statement: &Statement) -> Option<String> {
    let words: Vec<&str> = statement.opening.iter().map(String::as_str).collect();
    Control::of(&words).map(|_| words[..words.len().min(2)].join(" ").to_uppercase())
}

/// Whether the comment stands before the first statement.
pub(super) fn wants_no_transaction(sql: &str) -> bool {
    if !sql.contains(NO_TRANSACTION) {
        return false;
    }
    let Ok(tokens) = tokens(sql) else {
        return false;
    };
    tokens
        .iter()
        .take_while(|token| token.is_blank())
        .any(|token| token.kind == TokenKind::Comment && token.text.trim() == NO_TRANSACTION)
}

/// Whether the file may change a setting.
pub(super) fn may_set(sql: &str) -> bool {
    if !mentions(sql, "set") {
        return false;
    }
    let is_setting = |token: &Token<'_>| match token.kind {
        // The body of a function, perhaps.
        TokenKind::Text => mentions(token.text, "set"),
        TokenKind::Word | TokenKind::Quoted => mentions(token.text, "set_config"),
        _ => false,
    };
    let sets = |statement: &Statement| {
        let first = statement.opening.first().map(String::as_str);
        matches!(first, Some("set" | "reset"))
            || tokens(&statement.text).is_ok_and(|tokens| tokens.iter().any(is_setting))
    };
    statements(sql).map_or(true, |statements| statements.iter().any(sets))
}

/// Whether the word, in lower case, is anywhere in the text.
fn mentions(sql: &str, word: &str) -> bool {
    sql.as_bytes()
        .windows(word.len())
        .any(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use refinery_core::Migration;

    use super::*;

    fn migrations(files: &[(&str, &str)]) -> Migrations {
        let file = |(name, sql): &(&str, &str)| Migration::unapplied(name, sql).expect("a migration");
        Migrations::sorted(files.iter().map(file).collect(), false)
    }

    #[test]
    fn files_that_end_their_transaction_are_unfit() {
        for (sql, fits) in [
            ("CREATE TABLE t (a int); COMMIT", false),
            ("BEGIN; SELECT 1; END", false),
            ("SELECT 'it is", false),
            ("COPY t FROM STDIN;\n1\n\\.\n", false),
            ("ALTER TABLE t ADD b int; COPY t TO STDOUT", false),
            ("COPY (SELECT 1) TO stdin", false),
            ("COPY t FROM '/data/t.csv'; COPY (SELECT 1) TO '/dev/null'", true),
            ("SAVEPOINT s; ROLLBACK TO s", false),
            ("PREPARE TRANSACTION 'x'", false),
            ("PREPARE p AS SELECT 1", true),
            ("DO $$ BEGIN NULL; END $$", true),
        ] {
            assert_eq!(
                migrations(&[("V1__a", sql)]).check(|_| true, None).is_ok(),
                fits,
                "{sql}"
            );
        }
    }

    #[test]
    fn a_file_that_sets_no_setting_is_known() {
        for sql in [
            "UPDATE t SET a = 1; INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 2",
            "ALTER TABLE t ALTER a SET NOT NULL; COMMENT ON TABLE t IS 'x'",
        ] {
            assert!(!may_set(sql), "{sql}");
        }
        for sql in [
            "SELECT 1; /* x */ Set work_mem = '77MB'",
            "RESET ALL",
            "SELECT pg_catalog.\"set_config\"('a.b', '', false)",
            "DO $$ BEGIN SET work_mem = '77MB'; END $$",
            "SET 'unterminated",
        ] {
            assert!(may_set(sql), "{sql}");
        }
    }
}
