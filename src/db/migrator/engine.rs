//! refinery's runner on a transaction that we began and will commit.

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{
    Applied, HISTORY_TABLE, History, MigrateError, Migrations, Standing, changed, gone, repeated, too_late,
};
use crate::db::error::Error;
use crate::db::ident::{QuotedIdent, QuotedText};
use crate::db::session::Transaction;
use crate::db::text_result::{TextResult, told};

/// Brings the schema that is first in the search path forward. Expects the lock to be held.
pub async fn apply_in_tx(
    transaction: &Transaction<'_>,
    migrations: &Migrations,
) -> Result<Applied, MigrateError> {
    let mut target = OnTransaction(transaction);
    let report = Runner::new(&migrations.files)
        // One by one, so that an error names the migration.
        .set_grouped(false)
        .run_async(&mut target)
        .await
        .map_err(|error| explain(&error))?;
    Ok(Applied {
        applied: report
            .applied_migrations()
            .iter()
            .map(ToString::to_string)
            .collect(),
        version: migrations.latest(),
    })
}

/// How far the schema that is first in the search path is, found without changing anything.
pub async fn standing_in_tx(
    transaction: &Transaction<'_>,
    migrations: &Migrations,
) -> Result<Standing, MigrateError> {
    let history = history_in_tx(transaction).await?.unwrap_or_default();
    Ok(migrations.standing(&history))
}

/// The history of the schema that is first in the search path; `None` where it has no such table.
pub async fn history_in_tx(transaction: &Transaction<'_>) -> Result<Option<History>, MigrateError> {
    // Another schema of the search path may have a history of its own.
    let look = format!("SELECT to_regclass(quote_ident(current_schema()) || '.{HISTORY_TABLE}')");
    let table = transaction
        .text_query(&look)
        .await
        .map_err(|source| MigrateError::Sql {
            doing: "reading the migration history".to_owned(),
            source,
        })?;
    if told(&table, 0).is_none() {
        return Ok(None);
    }
    let applied = OnTransaction(transaction)
        .get_applied_migrations(HISTORY_TABLE)
        .await
        .map_err(|error| explain(&error))?;
    Ok(Some(History::new(applied)))
}

/// refinery's view of a transaction that we began and will commit.
struct OnTransaction<'a, 't>(&'a Transaction<'t>);

impl AsyncTransaction for OnTransaction<'_, '_> {
    type Error = Error;

    /// Sends all statements as one message, so that a whole run costs one round trip.
    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Error> {
        let queries: Vec<&str> = queries.collect();
        // A file may end in a comment or without a semicolon.
        self.0.script(&queries.join("\n;\n")).await?;
        Ok(queries.len())
    }
}

impl AsyncQuery<Vec<Migration>> for OnTransaction<'_, '_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Error> {
        let answers = self.0.text_query(query).await?;
        Ok(answers.iter().flat_map(applied).collect())
    }
}

impl History {
    /// Asks for the rows of a history table; [`History::from_answer`] reads them.
    pub fn question(schema: QuotedIdent<'_>) -> String {
        let table = format!("{schema}.{HISTORY_TABLE}");
        OnTransaction::get_applied_migrations_query(&table)
    }

    /// An expression that says whether the schema has such a table.
    pub fn is_there(schema: QuotedIdent<'_>) -> String {
        let table = format!("{schema}.{HISTORY_TABLE}");
        format!("to_regclass({}) IS NOT NULL", QuotedText::new(&table))
    }

    /// Makes the table where it is not there.
    pub fn table(schema: QuotedIdent<'_>) -> String {
        let table = format!("{schema}.{HISTORY_TABLE}");
        OnTransaction::assert_migrations_table_query(&table)
    }

    /// What the table says.
    pub fn from_answer(answer: &TextResult) -> Self {
        Self::new(applied(answer).collect())
    }
}

fn applied(answer: &TextResult) -> impl Iterator<Item = Migration> {
    answer.rows.iter().filter_map(|row| read_history(row))
}

impl AsyncMigrate for OnTransaction<'_, '_> {}

/// A row of the history: version, name, time and checksum. One that refinery did not write is passed over, so that
/// its migration shows up as missing instead of ending the program as refinery's own reader would.
fn read_history(row: &[Option<String>]) -> Option<Migration> {
    let [Some(version), Some(name), Some(applied_on), Some(checksum)] = row else {
        return None;
    };
    Some(Migration::applied(
        version.parse().ok()?,
        name.clone(),
        OffsetDateTime::parse(applied_on, &Rfc3339).ok()?,
        checksum.parse().ok()?,
    ))
}

/// refinery's errors in our words, with the server's own inside.
pub(super) fn explain(error: &refinery_core::Error) -> MigrateError {
    use refinery_core::error::Kind;
    let history = match error.kind() {
        Kind::Connection(doing, source) => match source.downcast_ref::<Error>() {
            Some(source) => {
                let failed = doing
                    .strip_prefix("error applying migration ")
                    .map(|migration| format!("migration `{migration}` failed"));
                return MigrateError::Sql {
                    doing: failed.unwrap_or_else(|| doing.clone()),
                    source: source.clone(),
                };
            }
            None => format!("{doing}: {source}"),
        },
        Kind::DivergentVersion(applied, file) => changed(applied, file),
        Kind::MissingVersion(missing) if missing.applied_on().is_some() => gone(missing),
        Kind::MissingVersion(missing) => too_late(missing),
        Kind::RepeatedVersion(migration) => repeated(migration),
        _ => error.to_string(),
    };
    MigrateError::History(history)
}
