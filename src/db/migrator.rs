//! refinery on our own transactions: its files, checksums, order and history table, our lock and round trips.

use std::fmt;
use std::path::{Path, PathBuf};

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::Error;
use super::session::Transaction;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The table in which refinery keeps what was applied.
pub const HISTORY_TABLE: &str = "refinery_schema_history";

/// An ordered set of migrations, each with its version, name and checksum.
#[derive(Debug, Clone)]
pub struct Migrations(Vec<Migration>);

/// What happened to a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The migrations that were applied now, such as `V1__registry`, in order.
    pub applied: Vec<String>,
    /// The version that the schema has reached; `None` when there are no migrations at all.
    pub version: Option<i64>,
}

/// Why migrations could not be read or applied.
#[derive(Debug)]
pub enum MigrateError {
    /// A file or a folder cannot be read, or its name is not `V<number>__<name>.sql`.
    Files { folder: PathBuf, message: String },
    /// The history does not fit the files: an applied file was changed, or is gone.
    History(String),
    /// A statement failed.
    Sql { doing: String, source: Error },
}

impl Migrations {
    /// The migrations of the registry that this program carries.
    pub fn registry() -> Self {
        Self(embedded::migrations::runner().get_migrations().clone())
    }

    /// Reads a folder of `V<number>__<name>.sql` files.
    pub fn load(folder: &Path) -> Result<Self, MigrateError> {
        let files = |message: String| MigrateError::Files {
            folder: folder.to_owned(),
            message,
        };
        let migrations =
            refinery_core::load_sql_migrations(folder).map_err(|error| files(error.to_string()))?;
        if migrations.is_empty() {
            return Err(files("holds no file named like `V1__name.sql`".to_owned()));
        }
        Ok(Self(migrations))
    }

    /// Names of the migrations with their versions, such as `V1__registry`, in order.
    pub fn names(&self) -> Vec<String> {
        let mut migrations = self.0.clone();
        migrations.sort();
        migrations.iter().map(ToString::to_string).collect()
    }

    /// The highest version.
    pub fn latest(&self) -> Option<i64> {
        self.0.iter().map(Migration::version).max()
    }
}

/// Brings the schema that is first in the search path forward. Expects the lock to be held.
pub async fn apply_in_tx(
    transaction: &Transaction<'_>,
    migrations: &Migrations,
) -> Result<Applied, MigrateError> {
    let mut target = OnTransaction(transaction);
    let report = Runner::new(&migrations.0)
        .set_grouped(true)
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

/// The names of the migrations that [`apply_in_tx`] would apply, found without changing anything.
pub async fn pending_in_tx(
    transaction: &Transaction<'_>,
    migrations: &Migrations,
) -> Result<Vec<String>, MigrateError> {
    let sql = |source| MigrateError::Sql {
        doing: "reading the migration history".to_owned(),
        source,
    };
    let table = transaction
        .text_query(&format!("SELECT to_regclass('{HISTORY_TABLE}')"))
        .await
        .map_err(sql)?;
    let exists = table
        .first()
        .and_then(|answer| answer.rows.first())
        .is_some_and(|row| row[0].is_some());
    let applied = if exists {
        OnTransaction(transaction)
            .get_applied_migrations(HISTORY_TABLE)
            .await
            .map_err(|error| explain(&error))?
    } else {
        Vec::new()
    };
    let mut pending: Vec<&Migration> = migrations
        .0
        .iter()
        .filter(|file| applied.iter().all(|done| done.version() != file.version()))
        .collect();
    pending.sort();
    Ok(pending.into_iter().map(ToString::to_string).collect())
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
        let rows = answers.into_iter().flat_map(|answer| answer.rows);
        Ok(rows.filter_map(|row| read_history(&row)).collect())
    }
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
fn explain(error: &refinery_core::Error) -> MigrateError {
    use refinery_core::error::Kind;
    let history = match error.kind() {
        Kind::Connection(doing, source) => match source.downcast_ref::<Error>() {
            Some(source) => {
                return MigrateError::Sql {
                    doing: doing.clone(),
                    source: source.clone(),
                };
            }
            None => format!("{doing}: {source}"),
        },
        Kind::DivergentVersion(applied, file) => {
            format!("`{applied}` was applied, and file `{file}` has changed since")
        }
        Kind::MissingVersion(missing) if missing.applied_on().is_some() => {
            format!("`{missing}` was applied, and its file is gone")
        }
        Kind::MissingVersion(missing) => format!("file `{missing}` is older than what was applied last"),
        Kind::RepeatedVersion(repeated) => format!("two files have the version of `{repeated}`"),
        _ => error.to_string(),
    };
    MigrateError::History(history)
}

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files { folder, message } => write!(f, "migrations in `{}`: {message}", folder.display()),
            Self::History(message) => f.write_str(message),
            Self::Sql { doing, .. } => f.write_str(doing),
        }
    }
}

impl std::error::Error for MigrateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sql { source, .. } => Some(source),
            Self::Files { .. } | Self::History(_) => None,
        }
    }
}
