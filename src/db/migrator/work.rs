//! What refinery would do to a schema, written down.
//!
//! refinery's runner works on a [`Recorder`] in place of a connection: it checks the history that the recorder tells,
//! and what it would send is kept. So order, checks and history rows stay refinery's, and a tenant whose history is
//! known costs no question.

use std::convert::Infallible;

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner, Target};

use super::concurrent::Concurrent;
use super::engine::explain;
use super::history::line;
use super::{HISTORY_TABLE, History, MigrateError, Migrations};
use crate::db::SchemaName;
use crate::db::sql_text::{Statement, TokenKind, Unterminated, statements, tokens};

/// The first line of a file whose statements want no transaction.
pub const NO_TRANSACTION: &str = "-- tenantctl: no-transaction";

/// What brings one schema forward.
#[derive(Debug, Clone)]
pub struct Work {
    /// Makes the history's table where it is not there.
    pub history_table: String,
    pub pending: Vec<Pending>,
    /// How the statements begin that write the history.
    into: String,
}

/// A migration that waits to be applied.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Such as `V3__add_region`.
    pub name: String,
    pub version: i64,
    pub sql: String,
    /// Writes the migration's row into the history.
    pub record: String,
    /// That row's line in [`History::digest`].
    pub line: String,
}

/// Migrations that are applied in one go.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// In one transaction.
    Together(&'a [Pending]),
    /// Statement by statement, each for itself.
    Singly(&'a Pending),
}

impl Migrations {
    /// What refinery does to a schema with this history, up to a version. With `fake` only the history is written.
    pub async fn work(
        &self,
        schema: &SchemaName,
        history: &History,
        upto: Option<i64>,
        fake: bool,
    ) -> Result<Work, MigrateError> {
        let table = format!("{}.{HISTORY_TABLE}", schema.quoted());
        let mut recorder = Recorder {
            history: history.migrations().to_vec(),
            messages: Vec::new(),
        };
        let mut runner = Runner::new(&self.files).set_target(upto.map_or(Target::Latest, Target::Version));
        runner
            .set_migration_table_name(&table)
            .run_async(&mut recorder)
            .await
            .map_err(|error| explain(&error))?;
        let mut messages = recorder.messages.into_iter();
        let history_table = messages.next().unwrap_or_default().join(";\n");
        let names = self.standing(history).pending;
        let files = names
            .iter()
            .filter_map(|name| self.files.iter().find(|file| file.to_string() == *name));
        let pending = files.zip(messages).map(|(file, mut message)| Pending {
            name: file.to_string(),
            version: file.version(),
            line: line(file),
            record: message.pop().unwrap_or_default(),
            sql: if fake {
                String::new()
            } else {
                message.join("\n;\n")
            },
        });
        Ok(Work {
            history_table,
            pending: pending.collect(),
            into: format!("INSERT INTO {table} (version, name, applied_on, checksum) VALUES "),
        })
    }

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
            if statements.iter().any(copies_from_client) {
                return Err(unfit(
                    "`COPY … FROM STDIN` needs a client that sends rows; write `INSERT` instead".to_owned(),
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

fn copies_from_client(statement: &Statement) -> bool {
    let is_copy = statement.opening.first().is_some_and(|word| word == "copy");
    is_copy
        && tokens(&statement.text).is_ok_and(|tokens| {
            let words: Vec<_> = tokens.iter().filter(|token| !token.is_blank()).collect();
            words
                .windows(2)
                .any(|pair| pair[0].is_word("from") && pair[1].is_word("stdin"))
        })
}

fn controls_transaction(statement: &Statement) -> Option<String> {
    let words: Vec<&str> = statement.opening.iter().map(String::as_str).collect();
    let ends = match words.as_slice() {
        // A message of several statements has no savepoints.
        [
            "begin" | "commit" | "end" | "abort" | "rollback" | "savepoint" | "release",
            ..,
        ]
        | ["start" | "prepare", "transaction", ..] => true,
        _ => false,
    };
    ends.then(|| words[..words.len().min(2)].join(" ").to_uppercase())
}

impl Work {
    /// The version that the work leads to.
    pub fn version(&self) -> Option<i64> {
        self.pending.last().map(|pending| pending.version)
    }

    /// Writes the rows of these migrations into the history, in one statement where refinery's own can be one.
    pub fn records(&self, pending: &[Pending]) -> String {
        let rows: Option<Vec<&str>> = pending
            .iter()
            .map(|one| one.record.strip_prefix(self.into.as_str()))
            .collect();
        match rows {
            Some(rows) => format!("{}{}", self.into, rows.join(", ")),
            None => {
                let records: Vec<&str> = pending.iter().map(|one| one.record.as_str()).collect();
                records.join(";\n")
            }
        }
    }

    /// The migrations cut into what goes together.
    pub fn steps(&self, one_by_one: bool) -> Vec<Step<'_>> {
        self.pending
            .chunk_by(|one, other| {
                !one_by_one && !one.wants_no_transaction() && !other.wants_no_transaction()
            })
            .map(|chunk| match chunk {
                [pending] if pending.wants_no_transaction() => Step::Singly(pending),
                chunk => Step::Together(chunk),
            })
            .collect()
    }
}

impl Pending {
    /// Whether the file says that its statements want no transaction.
    pub fn wants_no_transaction(&self) -> bool {
        wants_no_transaction(&self.sql)
    }

    /// The file's statements.
    pub fn statements(&self) -> Result<Vec<Statement>, Unterminated> {
        statements(&self.sql)
    }
}

/// Whether the comment stands before the first statement.
fn wants_no_transaction(sql: &str) -> bool {
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

/// Tells refinery a history, and keeps what refinery would send.
struct Recorder {
    history: Vec<Migration>,
    messages: Vec<Vec<String>>,
}

impl AsyncTransaction for Recorder {
    type Error = Infallible;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Infallible> {
        self.messages.push(queries.map(str::to_owned).collect());
        Ok(self.messages.len())
    }
}

impl AsyncQuery<Vec<Migration>> for Recorder {
    async fn query<'a>(&'a mut self, _: &'a str) -> Result<Vec<Migration>, Infallible> {
        Ok(self.history.clone())
    }
}

impl AsyncMigrate for Recorder {}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrations(files: &[(&str, &str)]) -> Migrations {
        let file = |(name, sql): &(&str, &str)| Migration::unapplied(name, sql).expect("a migration");
        Migrations::sorted(files.iter().map(file).collect(), false)
    }

    fn schema() -> SchemaName {
        SchemaName::new("tenant_a").expect("a name")
    }

    #[tokio::test]
    async fn the_work_is_what_refinery_would_send() {
        let migrations = migrations(&[("V1__a", "A"), ("V2__b", "B"), ("V3__c", "C")]);
        let history = migrations.history_at(1).expect("a version");
        let work = migrations
            .work(&schema(), &history, None, false)
            .await
            .expect("fits");
        assert!(
            work.history_table
                .starts_with("CREATE TABLE IF NOT EXISTS \"tenant_a\".refinery_schema_history")
        );
        let names: Vec<&str> = work.pending.iter().map(|pending| pending.name.as_str()).collect();
        assert_eq!(names, ["V2__b", "V3__c"]);
        assert_eq!(work.pending[0].sql, "B");
        assert!(
            work.pending[1]
                .record
                .starts_with("INSERT INTO \"tenant_a\".refinery_schema_history")
        );
        let upto = migrations
            .work(&schema(), &history, Some(2), false)
            .await
            .expect("fits");
        assert_eq!(upto.version(), Some(2));
    }

    #[tokio::test]
    async fn faked_migrations_are_only_recorded() {
        let migrations = migrations(&[("V1__a", "A")]);
        let work = migrations
            .work(&schema(), &History::default(), None, true)
            .await
            .expect("fits");
        assert_eq!(work.pending[0].sql, "");
        assert!(work.pending[0].record.contains("INSERT INTO"));
    }

    #[tokio::test]
    async fn a_migration_without_transaction_stands_alone() {
        let singly = "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a)";
        let migrations = migrations(&[("V1__a", "A"), ("V2__b", "B"), ("V3__c", singly), ("V4__d", "D")]);
        let work = migrations
            .work(&schema(), &History::default(), None, false)
            .await
            .expect("fits");
        let shape = |one_by_one| -> Vec<usize> {
            work.steps(one_by_one)
                .iter()
                .map(|step| match step {
                    Step::Together(pending) => pending.len(),
                    Step::Singly(_) => 0,
                })
                .collect()
        };
        assert_eq!(shape(false), [2, 0, 1]);
        assert_eq!(shape(true), [1, 1, 0, 1]);
    }

    #[test]
    fn files_that_end_their_transaction_are_unfit() {
        for (sql, fits) in [
            ("CREATE TABLE t (a int); COMMIT", false),
            ("BEGIN; SELECT 1; END", false),
            ("SELECT 'it is", false),
            ("COPY t FROM STDIN;\n1\n\\.\n", false),
            ("COPY t FROM '/data/t.csv'; COPY (SELECT 1) TO '/dev/null'", true),
            ("SAVEPOINT s; ROLLBACK TO s", false),
            ("DO $$ BEGIN NULL; END $$", true),
        ] {
            assert_eq!(
                migrations(&[("V1__a", sql)]).check(|_| true, None).is_ok(),
                fits,
                "{sql}"
            );
        }
    }
}
