//! refinery on our own transactions: its files, checksums, order and history table, our lock and round trips.
//!
//! [`Migrations`] are the files, [`History`] is what a schema says was applied, [`Standing`] is one beside the other.
//! [`Work`] is what refinery would do to schemas with a known history, written down instead of done.

mod concurrent;
mod engine;
mod file_text;
mod history;
mod work;

use std::fmt;
use std::path::{Path, PathBuf};

use refinery_core::{Migration, Runner};

pub use self::concurrent::Concurrent;
pub use self::engine::{apply_in_tx, history_in_tx, standing_in_tx};
pub use self::file_text::{NO_TRANSACTION, UnfitMigration};
pub use self::history::{History, Standing};
pub use self::work::{Pending, Step, Work, records};
use super::error::Error;

/// The migrations that the program carries.
mod embedded {
    pub(super) mod registry {
        refinery::embed_migrations!("migrations");
    }
    pub(super) mod template {
        refinery::embed_migrations!("tenant_template");
    }
    pub(super) mod sales {
        refinery::embed_migrations!("fixtures/apps/sales/template");
    }
    pub(super) mod inbox {
        refinery::embed_migrations!("fixtures/apps/inbox/template");
    }
    pub(super) mod viral {
        refinery::embed_migrations!("fixtures/apps/viral/template");
    }
    pub(super) mod auth {
        refinery::embed_migrations!("fixtures/apps/auth/template");
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

impl MigrateError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::History(_) => Some("use the files that were applied; a new change belongs into a new file"),
            Self::Files { .. } | Self::Sql { .. } => None,
        }
    }
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

    /// Those of the template of one of the other applications that this program carries.
    pub fn of_application(name: &str) -> Option<Self> {
        let runner = match name {
            "sales" => embedded::sales::migrations::runner(),
            "inbox" => embedded::inbox::migrations::runner(),
            "viral" => embedded::viral::migrations::runner(),
            "auth" => embedded::auth::migrations::runner(),
            _ => return None,
        };
        Some(Self::embedded(&runner))
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

    /// The same for a database that somebody has chosen them for: there they must fit.
    #[must_use]
    pub fn chosen(self) -> Self {
        Self {
            is_embedded: false,
            ..self
        }
    }

    /// The line of a history that the first of them leaves: version, name and checksum.
    pub fn first_line(&self) -> Option<String> {
        self.files.first().map(history::line)
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

    /// Whether a file of that version is there.
    pub fn has(&self, version: i64) -> bool {
        self.files.iter().any(|file| file.version() == version)
    }

    /// Whether a schema's highest version says which migrations it has. refinery applies files whose name begins with
    /// `U` whenever they appear.
    pub fn are_told_by_version(&self) -> bool {
        self.files.iter().all(is_versioned)
    }

    /// Names of the migrations with their versions, such as `V1__registry`, in order.
    pub fn names(&self) -> Vec<String> {
        self.files.iter().map(ToString::to_string).collect()
    }

    /// The files, each with its name and text, in order.
    pub fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        self.files
            .iter()
            .map(|file| (file.to_string(), file.sql().unwrap_or_default()))
    }

    /// The highest version.
    pub fn latest(&self) -> Option<i64> {
        self.files.iter().map(Migration::version).max()
    }
}

fn is_versioned(file: &Migration) -> bool {
    file.prefix().to_string() == "V"
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
