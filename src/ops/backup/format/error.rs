//! What can be wrong with a backup.

use std::io;

/// Why a backup is refused.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error("this is no backup of tenantctl: {0}")]
    NotOurs(&'static str),
    #[error("this backup has form {0}, which this version cannot read")]
    OtherForm(String),
    #[error("the backup is cut off")]
    Cut,
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    #[error("the backup is encrypted")]
    Encrypted,
    #[error("the backup cannot be decrypted: {0}")]
    NotForUs(String),
    #[error("the backup cannot be read")]
    Io(#[source] io::Error),
}

impl FormatError {
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OtherForm(_) => {
                Some("restore it with the version of tenantctl that it was made with, or newer")
            }
            Self::Encrypted => Some("pass `--identity FILE` with the key that it was encrypted to"),
            Self::NotForUs(_) => Some("pass the identity that belongs to one of its recipients"),
            Self::Cut | Self::Damaged(_) => {
                Some("use another backup; `tenantctl verify` says which are whole")
            }
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                Some("`tenantctl list-backups` shows the files that there are")
            }
            Self::NotOurs(_) | Self::Io(_) => None,
        }
    }
}

impl From<io::Error> for FormatError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Cut,
            // What decompresses and decrypts says so of what it cannot make out.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Io(error),
        }
    }
}
