//! refinery on our own transactions: its files, checksums, order and history table, our lock and round trips.

use std::fmt;
use std::path::{Path, PathBuf};

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::Error;
use super::session::Transaction;

/// The migrations that the program carries.
mod embedded {
    pub(super) mod registry {
        refinery::embed_migrations!("migrations");
    }
    pub(super) mod template {
        refinery::embed_migrations!("tenant_template");
    }
}

/// The table in which refinery keeps what was applied.
pub const HISTORY_TABLE: &str = "refinery_schema_history";

/// An ordered set of migrations, each with its version, name and checksum.
#[derive(Debug, Clone)]
pub struct Migrations {
    files: Vec<Migration>,
    is_embedded: bool,
}

/// How far a schema is, as its history tells beside the files. Migrations are named as in `V1__registry`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The last version applied.
    pub version: Option<i64>,
    /// Files that wait to be applied, in order.
    pub pending: Vec<String>,
    /// Applied from a file that has changed since: what was applied, and the file.
    pub diverged: Vec<(String, String)>,
    /// Applied, and the file is gone.
    pub missing: Vec<String>,
    /// Files never applied, and older than what was applied last.
    pub out_of_order: Vec<String>,
}

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
        Self::embedded(&embedded::registry::migrations::runner())
    }

    /// The migrations of the template that this program carries.
    pub fn template() -> Self {
        Self::embedded(&embedded::template::migrations::runner())
    }

    fn embedded(runner: &Runner) -> Self {
        Self::sorted(runner.get_migrations().clone(), true)
    }

    fn sorted(mut files: Vec<Migration>, is_embedded: bool) -> Self {
        files.sort();
        Self { files, is_embedded }
    }

    /// Whether the program carries them, so that nobody has chosen them for this database.
    pub fn is_embedded(&self) -> bool {
        self.is_embedded
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
        let migrations = Self::sorted(migrations, false);
        for pair in migrations.files.windows(2) {
            if pair[0].version() == pair[1].version() {
                return Err(files(repeated(&pair[1])));
            }
        }
        Ok(migrations)
    }

    /// Names of the migrations with their versions, such as `V1__registry`, in order.
    pub fn names(&self) -> Vec<String> {
        self.files.iter().map(ToString::to_string).collect()
    }

    /// The highest version.
    pub fn latest(&self) -> Option<i64> {
        self.files.iter().map(Migration::version).max()
    }

    /// Compares what was applied, in its order, with the files, by refinery's own rules.
    fn standing(&self, applied: &[Migration]) -> Standing {
        let version = applied.last().map(Migration::version);
        let mut standing = Standing {
            version,
            ..Standing::default()
        };
        for done in applied {
            match self.files.iter().find(|file| file.version() == done.version()) {
                None => standing.missing.push(done.to_string()),
                Some(file) if file != done => standing.diverged.push((done.to_string(), file.to_string())),
                Some(_) => {}
            }
        }
        for file in &self.files {
            if applied.iter().any(|done| done.version() == file.version()) {
                continue;
            }
            let is_older = version.is_some_and(|version| file.version() <= version);
            if is_older && file.prefix().to_string() == "V" {
                standing.out_of_order.push(file.to_string());
            } else {
                standing.pending.push(file.to_string());
            }
        }
        standing
    }
}

impl Standing {
    /// Whether nothing is left to do.
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.check().is_ok()
    }

    /// Refuses a history that does not fit the files, in the words of [`apply_in_tx`].
    pub fn check(&self) -> Result<(), MigrateError> {
        let problem = match (&self.missing[..], &self.diverged[..], &self.out_of_order[..]) {
            ([migration, ..], _, _) => gone(migration),
            (_, [(applied, file), ..], _) => changed(applied, file),
            (_, _, [file, ..]) => too_late(file),
            _ => return Ok(()),
        };
        Err(MigrateError::History(problem))
    }
}

/// Brings the schema that is first in the search path forward. Expects the lock to be held.
pub async fn apply_in_tx(
    transaction: &Transaction<'_>,
    migrations: &Migrations,
) -> Result<Applied, MigrateError> {
    let mut target = OnTransaction(transaction);
    let report = Runner::new(&migrations.files)
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

/// How far the schema that is first in the search path is, found without changing anything.
pub async fn standing_in_tx(
    transaction: &Transaction<'_>,
    migrations: &Migrations,
) -> Result<Standing, MigrateError> {
    // Another schema of the search path may have a history of its own.
    let look = format!("SELECT to_regclass(quote_ident(current_schema()) || '.{HISTORY_TABLE}')");
    let table = transaction
        .text_query(&look)
        .await
        .map_err(|source| MigrateError::Sql {
            doing: "reading the migration history".to_owned(),
            source,
        })?;
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
    Ok(migrations.standing(&applied))
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
        Kind::DivergentVersion(applied, file) => changed(applied, file),
        Kind::MissingVersion(missing) if missing.applied_on().is_some() => gone(missing),
        Kind::MissingVersion(missing) => too_late(missing),
        Kind::RepeatedVersion(migration) => repeated(migration),
        _ => error.to_string(),
    };
    MigrateError::History(history)
}

fn changed(applied: impl fmt::Display, file: impl fmt::Display) -> String {
    format!("`{applied}` was applied, and file `{file}` has changed since")
}

fn gone(migration: impl fmt::Display) -> String {
    format!("`{migration}` was applied, and its file is gone")
}

fn too_late(file: impl fmt::Display) -> String {
    format!("file `{file}` is older than what was applied last")
}

fn repeated(file: impl fmt::Display) -> String {
    format!("two files have the version of `{file}`")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Migrations {
        let file = |name: &&str| Migration::unapplied(name, "SELECT 1").expect("a migration");
        Migrations::sorted(names.iter().map(file).collect(), false)
    }

    #[test]
    fn a_history_that_is_behind_says_what_is_pending() {
        let standing = files(&["V10__c", "V1__a", "V2__b"]).standing(&files(&["V1__a"]).files);
        assert_eq!(standing.version, Some(1));
        assert_eq!(standing.pending, ["V2__b", "V10__c"]);
        assert!(standing.check().is_ok() && !standing.is_current());
    }

    #[test]
    fn a_history_that_does_not_fit_is_taken_apart() {
        let standing =
            files(&["V1__a", "V2__b", "V3__c"]).standing(&files(&["V1__x", "V3__c", "V4__d"]).files);
        assert_eq!(standing.diverged, [("V1__x".to_owned(), "V1__a".to_owned())]);
        assert_eq!(standing.missing, ["V4__d"]);
        assert_eq!(standing.out_of_order, ["V2__b"]);
        assert_eq!(standing.pending, [] as [&str; 0]);
        assert!(standing.check().is_err() && !standing.is_current());
    }

    #[test]
    fn the_migrations_of_the_template_name_no_schema() {
        for file in &Migrations::template().files {
            let sql = file.sql().expect("text").replace("pg_catalog.", "");
            for line in sql.lines().filter(|line| !line.trim_start().starts_with("--")) {
                assert!(
                    !line.contains("public.") && !line.contains("tenant_template"),
                    "{file}: {line}"
                );
            }
        }
    }
}
