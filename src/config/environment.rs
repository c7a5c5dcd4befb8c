//! The environment, read once. Nothing else in the program asks the operating system for a variable.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use super::ConfigError;

/// How the names of variables begin that say which database is meant and what is done with it: our own, and libpq's.
const OURS: [&str; 7] = [
    "DATABASE_",
    "DIRECT_URL",
    "PG",
    "SEED_ADMIN_PASSWORD",
    "SHADOW_DATABASE_URL",
    "SLOW_QUERY_",
    "TENANTCTL_",
];

/// A snapshot of the environment's variables.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Those that are set to something that is not UTF-8.
    unreadable: BTreeSet<String>,
}

impl Environment {
    /// The environment of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os())
    }

    fn of(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            // No name that we look for is odd.
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => _ = environment.variables.insert(name, value),
                Err(_) => _ = environment.unreadable.insert(name),
            }
        }
        environment
    }

    /// Refuses a variable of ours that is not UTF-8: taken for one that is not set, it would let another database be
    /// meant.
    pub fn check(&self) -> Result<(), ConfigError> {
        let is_ours = |name: &&String| OURS.iter().any(|ours| name.starts_with(ours));
        match self.unreadable.iter().find(is_ours) {
            Some(name) => Err(ConfigError::in_variable(name.clone(), "it is not UTF-8")),
            None => Ok(()),
        }
    }

    /// The value of a variable. One that is set to nothing counts as not set, as shells and libpq have it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The folders where a `tenantctl.toml` is looked for, the nearest first.
    pub fn config_folders(&self) -> Vec<PathBuf> {
        let user = self
            .get("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| self.get("HOME").map(|home| PathBuf::from(home).join(".config")));
        [
            Some(PathBuf::new()),
            user.map(|folder| folder.join("tenantctl")),
            Some(PathBuf::from("/etc/tenantctl")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            unreadable: BTreeSet::new(),
        }
    }
}

/// Names only: values hold passwords.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_variable_of_ours_that_is_not_utf_8_is_refused_and_others_are_let_be() {
        let odd = |name: &str| {
            let variable = (
                OsString::from(name),
                OsString::from_vec(b"postgresql://h/\xff".to_vec()),
            );
            Environment::of(std::iter::once(variable)).check()
        };
        for name in ["DATABASE_URL", "DIRECT_URL", "PGPASSWORD", "TENANTCTL_CONFIG"] {
            let error = odd(name).expect_err("not UTF-8").to_string();
            assert_eq!(error, format!("environment variable `{name}`: it is not UTF-8"));
        }
        assert_eq!(odd("LESSOPEN"), Ok(()));
    }
}
