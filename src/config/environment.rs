//! The environment, read once. Nothing else in the program asks the operating system for a variable.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A snapshot of the environment's variables.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are left out: none that we read may be.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
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
        }
    }
}

/// Names only: values hold passwords.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
