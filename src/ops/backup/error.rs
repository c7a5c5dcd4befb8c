//! Why a tenant was not backed up, or not brought back.

use std::io;
use std::path::PathBuf;

use super::format::FormatError;
use crate::db::{self, LockHeld, SchemaName, SessionError};
use crate::ops::clone::{CloneError, not_all_rows};
use crate::ops::making::MakeError;
use crate::ops::original::OriginalError;
use crate::ops::outside::NeededOutside;
use crate::ops::roles::tenant::TenantRoleError;
use crate::tenant::Slug;
use crate::tenant::registry::RegistryError;

/// Why a tenant was not backed up, or not brought back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Original(#[from] OriginalError),
    #[error("{0}")]
    Make(#[from] MakeError),
    #[error("{0}")]
    Role(#[from] TenantRoleError),
    #[error("schema `{schema}` has no table `{table}`, whose rows are to be left out")]
    NoTable { schema: SchemaName, table: String },
    #[error("rows of table `{by}` refer to those of `{table}`, without which they could not be restored")]
    Referenced { table: String, by: String },
    #[error("{doing}")]
    Step { doing: String, source: db::Error },
    #[error("backup `{}` cannot be used", .file.display())]
    File { file: PathBuf, source: FormatError },
    #[error("backup `{}` cannot be written", .file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("folder `{}` of backups cannot be used", .folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("folder `{}` has no backup of `{slug}`", .folder.display())]
    NoBackup { slug: Slug, folder: PathBuf },
    #[error("the backups of `{slug}` in folder `{}` are of another database, the latest of `{database}`", .folder.display())]
    OfAnotherDatabase {
        slug: Slug,
        folder: PathBuf,
        database: String,
    },
    #[error("`{recipient}` is no recipient: {reason}")]
    Recipient { recipient: String, reason: String },
    #[error("identity file `{}` cannot be used: {reason}", .file.display())]
    Identity { file: PathBuf, reason: String },
    #[error("the manifest cannot be used: {0}")]
    Manifest(String),
    #[error("what was restored is not what was backed up: {0}")]
    Differs(String),
    #[error("{0}")]
    NeededOutside(#[from] NeededOutside),
    #[error("tenant `{slug}` is in schema `{schema}`, and the backup would be in `{named}`")]
    OtherSchema {
        slug: Slug,
        schema: SchemaName,
        named: SchemaName,
    },
    #[error("`{to}` is the database that tenant `{slug}` is in")]
    SameDatabase { slug: Slug, to: String },
    #[error("the other database: {0}")]
    There(#[source] RegistryError),
    #[error("the other database: {}", MakeError::Exists(schema.clone()))]
    ThereExists { to: String, schema: SchemaName },
    #[error("tenant `{0}` is whole in the other database, and could not be suspended here")]
    NotSuspended(Slug, #[source] RegistryError),
    #[error(
        "tenant `{slug}` is moved, and somebody who had waited for it has written to it here since: {}", tables.join(", ")
    )]
    WrittenHere { slug: Slug, tables: Vec<String> },
    #[error(
        "tenant `{0}` is moved, and whether somebody who had waited for it has written to it here is not known"
    )]
    NotCompared(Slug, #[source] Box<BackupError>),
    #[error("the work on the file ended early")]
    Abandoned,
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl BackupError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(RegistryError::SlugTaken(_)) => Some(
                "`tenantctl restore FILE --replace` puts the backup in its place, and `--as SLUG` restores it beside it"
                    .to_owned(),
            ),
            Self::Registry(RegistryError::DomainTaken(_)) => Some(
                "give that tenant another domain, or take none with `tenantctl restore FILE --as SLUG`"
                    .to_owned(),
            ),
            Self::There(RegistryError::SlugTaken(slug)) => Some(format!(
                "see with `tenantctl show {slug}` there whether it was moved already; if it is another tenant, one of \
                 the two needs another slug: `tenantctl clone` copies a tenant under one"
            )),
            Self::There(RegistryError::DomainTaken(_)) => {
                Some("give one of the two tenants another domain with `tenantctl update`".to_owned())
            }
            Self::ThereExists { to, schema } => Some(format!(
                "look whose schema `{schema}` is in {to}: it may be all that is left of a tenant there; rename or remove \
                 it there, and not here, where it is the tenant's own"
            )),
            Self::SameDatabase { .. } => Some("name another database with `--to`".to_owned()),
            Self::Make(MakeError::Failed { source, .. }) if source.sqlstate() == Some("42704") => {
                Some("roles and extensions are no part of a backup; create them first".to_owned())
            }
            Self::Step { source, .. } => not_all_rows(source).map(str::to_owned),
            Self::Referenced { table, by } => Some(format!(
                "keep the rows of `{table}`, or leave those of `{by}` out as well: `--exclude-table-data {by}`"
            )),
            Self::OtherSchema { .. } => {
                Some("restore it beside that tenant with `--as SLUG`, or drop that tenant first".to_owned())
            }
            Self::NotSuspended(slug, _) => Some(format!("suspend it with `tenantctl suspend {slug}`")),
            Self::OfAnotherDatabase { .. } => {
                Some("if one of them is right all the same, name it: `tenantctl restore FILE`".to_owned())
            }
            Self::WrittenHere { .. } | Self::NotCompared(..) => Some(
                "compare the tables with those of the other database, and carry over what is missing there before you \
                 drop the tenant here"
                    .to_owned(),
            ),
            Self::NoBackup { .. } => Some("`tenantctl list-backups` shows what there is".to_owned()),
            Self::File { source, .. } => source.hint().map(str::to_owned),
            _ => None,
        }
    }

    /// Whether the arguments have to change.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Recipient { .. }
            | Self::Identity { .. }
            | Self::NoTable { .. }
            | Self::Referenced { .. }
            | Self::OtherSchema { .. }
            | Self::SameDatabase { .. } => true,
            Self::File {
                source: FormatError::Io(source),
                ..
            }
            | Self::Folder { source, .. } => is_no_such_file(source),
            _ => false,
        }
    }

    /// Whether it says that the backup is not as it should be, and not that it could not be tried.
    pub fn is_about_the_backup(&self) -> bool {
        match self {
            Self::File { .. } | Self::Manifest(_) | Self::Differs(_) | Self::Make(MakeError::Exists(_)) => {
                true
            }
            // Who may not restore anything has found out nothing, and neither has who met a lock or a full disk.
            Self::Make(MakeError::Failed { source, .. }) | Self::Step { source, .. } => {
                source.lies_in_the_statement() && !source.is_denied()
            }
            _ => false,
        }
    }
}

/// Whether there is nothing of that name, or something else.
fn is_no_such_file(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | IsADirectory | NotADirectory)
}

impl From<CloneError> for BackupError {
    fn from(error: CloneError) -> Self {
        match error {
            CloneError::Locked(error) => error.into(),
            CloneError::Registry(error) => error.into(),
            CloneError::Original(error) => error.into(),
            CloneError::Make(error) => error.into(),
            CloneError::Role(error) => error.into(),
            CloneError::Step { doing, source } => Self::Step { doing, source },
            CloneError::RowsDiffer(what) => Self::Differs(what.join(", ")),
            CloneError::Session(error) => error.into(),
            CloneError::Sql(error) => error.into(),
        }
    }
}
