//! What refinery would do to a schema, written down.
//!
//! refinery's runner works on a [`Recorder`] in place of a connection: it checks the history that the recorder tells,
//! and what it would send is kept. So order, checks and history rows stay refinery's, and a tenant whose history is
//! known costs no question. Nothing in it names a schema, so that it serves all that have the same history.

use std::convert::Infallible;

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner, Target};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::engine::explain;
use super::file_text::{may_set, wants_no_transaction};
use super::history::line;
use super::{HISTORY_TABLE, History, MigrateError, Migrations};
use crate::db::SchemaName;
use crate::db::sql_text::{Statement, Unterminated, statements};

/// What brings schemas with one history forward.
#[derive(Debug, Clone)]
pub struct Work {
    /// The last version of that history.
    pub from: Option<i64>,
    /// That history, by [`History::digest`].
    pub digest: String,
    pub pending: Vec<Pending>,
}

/// A migration that waits to be applied.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Such as `V3__add_region`.
    pub name: String,
    pub version: i64,
    pub sql: String,
    /// Whether the file may leave a setting behind. `UPDATE … SET` and the like leave none.
    pub may_set: bool,
    /// The line in [`History::digest`] of the migration's row.
    pub line: String,
    record: Record,
}

/// A row of the history, as refinery writes it.
#[derive(Debug, Clone)]
struct Record {
    statement: String,
    /// When the migration is applied, which for refinery is now.
    moment: String,
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
    pub async fn work(&self, history: &History, upto: Option<i64>, fake: bool) -> Result<Work, MigrateError> {
        let mut recorder = Recorder {
            history: history.migrations().to_vec(),
            messages: Vec::new(),
        };
        let mut runner = Runner::new(&self.files).set_target(upto.map_or(Target::Latest, Target::Version));
        runner
            .set_migration_table_name(HISTORY_TABLE)
            .run_async(&mut recorder)
            .await
            .map_err(|error| explain(&error))?;
        // The first makes the history's table.
        let messages = recorder.messages.into_iter().skip(1);
        let names = self.standing(history).pending;
        let files = names
            .iter()
            .filter_map(|name| self.files.iter().find(|file| file.to_string() == *name));
        let pending = files.zip(messages).map(|(file, mut message)| {
            let record = Record::of(message.pop().unwrap_or_default());
            let sql = if fake {
                String::new()
            } else {
                message.join("\n;\n")
            };
            Pending {
                name: file.to_string(),
                version: file.version(),
                may_set: may_set(&sql),
                line: line(file),
                sql,
                record,
            }
        });
        Ok(Work {
            from: history.version(),
            digest: history.digest(),
            pending: pending.collect(),
        })
    }
}

impl Work {
    /// The version that the work leads to. A file that has no place in the order may be older than what was applied.
    pub fn version(&self) -> Option<i64> {
        let last = self.pending.last().map(|pending| pending.version);
        last.max(self.from)
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

/// Writes the rows of these migrations into the history of a schema, in one statement.
pub fn records(schema: &SchemaName, pending: &[Pending]) -> String {
    const VALUES: &str = " VALUES ";
    let table = format!("{}.{HISTORY_TABLE}", schema.quoted());
    let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    let statement = |one: &Pending| {
        let Record { statement, moment } = &one.record;
        statement
            .replacen(moment, &now, 1)
            .replacen(HISTORY_TABLE, &table, 1)
    };
    let mut statements = pending.iter().map(statement);
    let mut all = statements.next().unwrap_or_default();
    for other in statements {
        // refinery writes a statement for each.
        match other.split_once(VALUES) {
            Some((into, row)) if all.starts_with(into) => all.extend([", ", row]),
            _ => all.extend([";\n", &other]),
        }
    }
    all
}

impl Record {
    fn of(statement: String) -> Self {
        let is_moment = |text: &&str| OffsetDateTime::parse(text, &Rfc3339).is_ok();
        let moment = statement
            .split('\'')
            .find(is_moment)
            .unwrap_or_default()
            .to_owned();
        Self { statement, moment }
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
        let work = migrations.work(&history, None, false).await.expect("fits");
        let names: Vec<&str> = work.pending.iter().map(|pending| pending.name.as_str()).collect();
        assert_eq!(names, ["V2__b", "V3__c"]);
        assert_eq!(work.pending[0].sql, "B");
        let record = records(&schema(), &work.pending);
        let columns = "(version, name, applied_on, checksum)";
        let opening = format!("INSERT INTO \"tenant_a\".refinery_schema_history {columns} VALUES (2, 'b', '");
        assert!(record.starts_with(&opening), "{record}");
        assert_eq!(record.matches("INSERT").count(), 1, "{record}");
        assert_eq!(record.matches("), (3, 'c', '").count(), 1, "{record}");
        let upto = migrations.work(&history, Some(2), false).await.expect("fits");
        assert_eq!(upto.version(), Some(2));
    }

    #[tokio::test]
    async fn faked_migrations_are_only_recorded() {
        let migrations = migrations(&[("V1__a", "A")]);
        let work = migrations
            .work(&History::default(), None, true)
            .await
            .expect("fits");
        assert_eq!(work.pending[0].sql, "");
        assert!(records(&schema(), &work.pending).contains("INSERT INTO"));
    }

    #[tokio::test]
    async fn a_migration_without_transaction_stands_alone() {
        let singly = "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a)";
        let migrations = migrations(&[("V1__a", "A"), ("V2__b", "B"), ("V3__c", singly), ("V4__d", "D")]);
        let work = migrations
            .work(&History::default(), None, false)
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
}
