//! What can be wrong with the configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// A setting that cannot be used. Says where it stands and never shows the line itself, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    place: Place,
    message: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    File {
        path: PathBuf,
        line: Option<usize>,
        key: Option<String>,
    },
    Variable(String),
    Flag(&'static str),
    Nowhere,
}

impl ConfigError {
    pub(super) fn in_file(
        path: &Path,
        line: Option<usize>,
        key: Option<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::at(
            Place::File {
                path: path.to_owned(),
                line,
                key,
            },
            message,
        )
    }

    pub(super) fn in_variable(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(Place::Variable(name.into()), message)
    }

    /// A flag whose value does not fit the rest of the configuration.
    pub(super) fn in_flag(name: &'static str, message: impl Into<String>) -> Self {
        Self::at(Place::Flag(name), message)
    }

    pub(super) fn general(message: impl Into<String>) -> Self {
        Self::at(Place::Nowhere, message)
    }

    fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { path, line, key } => {
                write!(f, "{}", path.display())?;
                if let Some(line) = line {
                    write!(f, ", line {line}")?;
                }
                if let Some(key) = key {
                    write!(f, ", key `{key}`")?;
                }
                write!(f, ": {}", self.message)
            }
            Place::Variable(name) => write!(f, "environment variable `{name}`: {}", self.message),
            Place::Flag(name) => write!(f, "flag `{name}`: {}", self.message),
            Place::Nowhere => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ConfigError {}
