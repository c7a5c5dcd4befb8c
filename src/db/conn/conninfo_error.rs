//! What can be wrong with connection settings before any server is asked.
//!
//! A message names the setting and where it came from, never its value: a badly quoted string can put a piece of
//! the password anywhere.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a setting was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    ConnectionString,
    ServiceFile { path: PathBuf, line: usize },
    Environment(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionString => f.write_str("the connection string"),
            Self::ServiceFile { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => write!(f, "`{variable}`"),
        }
    }
}

/// Why connection settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnInfoError {
    #[error("no database is configured")]
    NotConfigured,
    #[error("the connection string {0}")]
    Malformed(&'static str),
    #[error("the connection string starts with `{0}://`")]
    UnknownScheme(String),
    #[error("unknown setting{} in {origin}", name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default())]
    UnknownKeyword {
        name: Option<String>,
        nearest: Option<&'static str>,
        origin: Origin,
    },
    #[error("`{keyword}` in {origin} {problem}")]
    InvalidValue {
        keyword: &'static str,
        origin: Origin,
        problem: String,
    },
    #[error("`{keyword}` in {origin} is not supported: {reason}")]
    Unsupported {
        keyword: &'static str,
        origin: Origin,
        reason: &'static str,
    },
    #[error("service `{name}` is not defined in {}", list(searched))]
    UnknownService { name: String, searched: Vec<PathBuf> },
    #[error("{}:{line}: {problem}", path.display())]
    ServiceFile {
        path: PathBuf,
        line: usize,
        problem: &'static str,
    },
    #[error("cannot read `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("no user name: the user this process runs as has none")]
    NoUser,
}

impl ConnInfoError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotConfigured => {
                "set DATABASE_URL, or name one as in postgresql://user@host/database".to_owned()
            }
            Self::Malformed(_) => "write postgresql://user:password@host:5432/database, with the characters \
                `@ : / ? # %` in user and password percent-encoded, or keyword='value' pairs"
                .to_owned(),
            Self::UnknownScheme(_) => "write `postgresql://` or `postgres://`".to_owned(),
            Self::UnknownKeyword { nearest, .. } => format!("did you mean `{}`?", (*nearest)?),
            Self::UnknownService { searched, .. } => {
                format!("add the section to {}, or set PGSERVICEFILE", list(searched))
            }
            Self::InvalidValue {
                keyword: "port",
                origin: Origin::ConnectionString,
                ..
            } => "a `/` or `:` in user or password must be percent-encoded".to_owned(),
            Self::NoUser => "set `user` or PGUSER".to_owned(),
            _ => return None,
        };
        Some(hint)
    }
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "any service file".to_owned();
    }
    paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect::<Vec<_>>()
        .join(" or ")
}
