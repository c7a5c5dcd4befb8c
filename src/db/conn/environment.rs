//! The process's surroundings as this module sees them: environment variables and the operating system user.
//!
//! Both come in as an argument. The real environment is read in one place of the program, and tests bring their own.

use std::fmt;
use std::path::PathBuf;

/// Where `PGHOST`, `HOME` and their like are looked up.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    os_user: Option<&'a str>,
}

impl<'a> Env<'a> {
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            os_user: None,
        }
    }

    /// Stands in for the user this process runs as, who is the default `user`.
    #[cfg(test)]
    pub(super) fn with_os_user(self, name: &'a str) -> Self {
        Self {
            os_user: Some(name),
            ..self
        }
    }

    /// The value of a variable; an empty one counts as not set.
    pub(super) fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    /// A file below the home directory.
    pub(super) fn in_home(&self, relative: &str) -> Option<PathBuf> {
        self.get("HOME").map(|home| PathBuf::from(home).join(relative))
    }

    /// As libpq, ask the user database and not `USER`, which survives `su` and is often unset in containers.
    pub(super) fn os_user(&self) -> Option<String> {
        match self.os_user {
            Some(name) => Some(name.to_owned()),
            None => whoami::username().ok(),
        }
    }
}

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("os_user", &self.os_user)
            .finish_non_exhaustive()
    }
}
