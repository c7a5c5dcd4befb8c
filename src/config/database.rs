//! Which database is meant, and how it is used.
//!
//! A URL, its direct twin, its shadow and its password come from one layer together: a `--database-url` for
//! staging must never meet a `DIRECT_URL` of production that happens to be in the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{DatabaseTable, TargetTable};
use super::{ConfigError, DatabaseVariables, Environment, Flags};
use crate::db::conn::Secret;
use crate::words::nearest;

/// What the command line says about the database. clap sees to it that at most one of them is given.
/// `Debug` hides the URL, since it may hold a password.
#[derive(Clone, Default)]
pub struct DatabaseFlags {
    pub url: Option<String>,
    pub target: Option<String>,
    pub local: bool,
}

impl fmt::Debug for DatabaseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseFlags")
            .field("url", &self.url.is_some())
            .field("target", &self.target)
            .field("local", &self.local)
            .finish()
    }
}

/// Where the database is, and how connections to it are used.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    pub source: DatabaseSource,
    pub pool_min: usize,
    /// `None`: the URL's own `connection_limit`, else ten.
    pub pool_max: Option<usize>,
    pub pool_timeout: Duration,
    pub query_timeout: Duration,
    pub slow_query: Duration,
    pub connect_wait: Duration,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub enum DatabaseSource {
    /// As the URLs say; without any, as libpq's own variables do.
    Urls(Urls),
    /// On the private server.
    Local,
}

/// The ways to one database. `Debug` hides them, since they may hold passwords.
#[derive(Clone, Default)]
pub struct Urls {
    /// For everything; may lead through a pooler.
    pub url: Option<String>,
    /// For what a pooler cannot carry.
    pub direct: Option<String>,
    /// An empty database for rehearsals.
    pub shadow: Option<String>,
    /// A file with the password, where the URLs hold none.
    pub password_file: Option<PathBuf>,
}

impl fmt::Debug for Urls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Urls")
            .field("url", &self.url.is_some())
            .field("direct", &self.direct.is_some())
            .field("shadow", &self.shadow.is_some())
            .field("password_file", &self.password_file)
            .finish()
    }
}

impl DatabaseSettings {
    pub(super) fn resolve(
        file: DatabaseTable,
        targets: BTreeMap<String, TargetTable>,
        local_enabled: bool,
        flags: &Flags,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let variables = DatabaseVariables::of(environment)?;
        let written = |value: Option<super::duration::WrittenDuration>| value.map(|written| written.0);
        let settings = Self {
            pool_min: variables.pool_min.or(file.pool_min).unwrap_or(2),
            pool_max: variables.pool_max.or(file.pool_max),
            pool_timeout: variables
                .pool_timeout
                .or(written(file.pool_timeout))
                .unwrap_or(Duration::from_secs(5)),
            query_timeout: variables
                .query_timeout
                .or(written(file.query_timeout))
                .unwrap_or(Duration::from_secs(10)),
            slow_query: variables
                .slow_query
                .or(written(file.slow_query))
                .unwrap_or(Duration::from_secs(1)),
            connect_wait: variables
                .connect_wait
                .or(written(file.connect_wait))
                .unwrap_or(Duration::from_secs(5)),
            source: DatabaseSource::resolve(
                Urls {
                    url: file.url,
                    direct: file.direct_url,
                    shadow: file.shadow_url,
                    password_file: file.password_file,
                },
                targets,
                local_enabled,
                flags,
                variables.urls,
            )?,
        };
        if settings.pool_max == Some(0) {
            return Err(ConfigError::general(
                "setting `database.pool_max` must be at least 1",
            ));
        }
        Ok(settings)
    }
}

impl DatabaseSource {
    fn resolve(
        file: Urls,
        mut targets: BTreeMap<String, TargetTable>,
        local_enabled: bool,
        flags: &Flags,
        from_environment: Urls,
    ) -> Result<Self, ConfigError> {
        if flags.database.local {
            return Ok(Self::Local);
        }
        if let Some(name) = &flags.database.target {
            let Some(target) = targets.remove(name) else {
                return Err(unknown_target("--target", name, &targets));
            };
            if target.url.is_none() {
                return Err(no_url(name));
            }
            return Ok(Self::Urls(Urls {
                url: target.url,
                direct: target.direct_url,
                shadow: target.shadow_url,
                password_file: target.password_file,
            }));
        }
        if let Some(url) = &flags.database.url {
            return Ok(Self::Urls(Urls {
                url: Some(url.clone()),
                ..Urls::default()
            }));
        }
        if from_environment.url.is_some() {
            return Ok(Self::Urls(from_environment));
        }
        if file.url.is_some() {
            for name in from_environment.names() {
                tracing::warn!(
                    "{name} is not used: it belongs to a DATABASE_URL, and the database is the one of the configuration file"
                );
            }
            return Ok(Self::Urls(file));
        }
        if local_enabled {
            return Ok(Self::Local);
        }
        // libpq's own variables are the environment as well.
        Ok(Self::Urls(Urls {
            password_file: from_environment.password_file.or(file.password_file),
            ..from_environment
        }))
    }
}

impl Urls {
    /// The password of the file that holds it, where there is one.
    pub fn password(&self) -> Result<Option<Secret>, ConfigError> {
        self.password_file.as_deref().map(read_password).transpose()
    }

    pub(super) fn of(environment: &Environment) -> Self {
        let variable = |name| environment.get(name).map(str::to_owned);
        Self {
            url: variable("DATABASE_URL"),
            direct: variable("DIRECT_URL"),
            shadow: variable("SHADOW_DATABASE_URL"),
            password_file: variable("DATABASE_PASSWORD_FILE").map(PathBuf::from),
        }
    }

    /// The variables of the environment that these came from.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let names = [
            self.url.as_ref().map(|_| "DATABASE_URL"),
            self.direct.as_ref().map(|_| "DIRECT_URL"),
            self.shadow.as_ref().map(|_| "SHADOW_DATABASE_URL"),
            self.password_file.as_ref().map(|_| "DATABASE_PASSWORD_FILE"),
        ];
        names.into_iter().flatten()
    }
}

fn read_password(path: &Path) -> Result<Secret, ConfigError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::general(format!("password file `{shown}` cannot be read: {error}")))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::from(line)),
        _ => Err(ConfigError::general(format!(
            "the first line of password file `{shown}` is empty"
        ))),
    }
}

/// The named databases as they were written.
pub(super) fn urls_of(targets: &BTreeMap<String, TargetTable>) -> BTreeMap<String, Urls> {
    let urls = |target: &TargetTable| Urls {
        url: target.url.clone(),
        direct: target.direct_url.clone(),
        shadow: target.shadow_url.clone(),
        password_file: target.password_file.clone(),
    };
    targets
        .iter()
        .map(|(name, target)| (name.clone(), urls(target)))
        .collect()
}

pub(super) fn no_url(name: &str) -> ConfigError {
    ConfigError::general(format!("target `{name}` has no `url`"))
        .with_hint(format!("add `url = \"postgresql://…\"` under `[targets.{name}]`"))
}

pub(super) fn unknown_target<T>(
    flag: &'static str,
    name: &str,
    targets: &BTreeMap<String, T>,
) -> ConfigError {
    let known: Vec<&str> = targets.keys().map(String::as_str).collect();
    let error = ConfigError::in_flag(flag, format!("there is no target `{name}` in the configuration"));
    match nearest(name, &known) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            error.with_hint(format!("add a table `[targets.{name}]` to `tenantctl.toml`"))
        }
        None => error.with_hint(format!("known targets: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::file::ConfigFile;
    use super::*;

    const FILE: &str = "
        [database]
        url = 'postgresql://file/db'
        direct_url = 'postgresql://file-direct/db'
        password_file = '/file-password'
        [targets.eu]
        url = 'postgresql://eu/db'
        [targets.empty]
    ";

    fn urls(flags: DatabaseFlags, variables: &[(&str, &str)]) -> Result<DatabaseSource, ConfigError> {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let file = ConfigFile::parse(Path::new("t.toml"), FILE)?;
        let flags = Flags {
            database: flags,
            ..Flags::default()
        };
        Settings::resolve(file, None, &flags, &environment).map(|settings| settings.database.source)
    }

    fn found(source: Result<DatabaseSource, ConfigError>) -> Urls {
        match source.expect("valid") {
            DatabaseSource::Urls(urls) => urls,
            DatabaseSource::Local => panic!("expected URLs"),
        }
    }

    const ENVIRONMENT: [(&str, &str); 4] = [
        ("DATABASE_URL", "postgresql://env/db"),
        ("DIRECT_URL", "postgresql://env-direct/db"),
        ("SHADOW_DATABASE_URL", "postgresql://env-shadow/db"),
        ("DATABASE_PASSWORD_FILE", "/env-password"),
    ];

    #[test]
    fn a_url_and_its_direct_twin_come_from_one_layer() {
        let file = found(urls(DatabaseFlags::default(), &[]));
        assert_eq!(file.direct.as_deref(), Some("postgresql://file-direct/db"));

        let environment = found(urls(DatabaseFlags::default(), &ENVIRONMENT));
        assert_eq!(environment.url.as_deref(), Some("postgresql://env/db"));
        assert_eq!(environment.direct.as_deref(), Some("postgresql://env-direct/db"));
        assert_eq!(
            environment.password_file.as_deref(),
            Some(Path::new("/env-password"))
        );
        assert_eq!(
            found(urls(DatabaseFlags::default(), &ENVIRONMENT[..1])).password_file,
            None
        );

        let flag = DatabaseFlags {
            url: Some("postgresql://flag/db".to_owned()),
            ..DatabaseFlags::default()
        };
        let flag = found(urls(flag, &ENVIRONMENT));
        assert_eq!(
            (flag.url.as_deref(), flag.direct, flag.shadow, flag.password_file),
            (Some("postgresql://flag/db"), None, None, None)
        );

        let target = DatabaseFlags {
            target: Some("eu".to_owned()),
            ..DatabaseFlags::default()
        };
        let target = found(urls(target, &ENVIRONMENT));
        assert_eq!(
            (target.url.as_deref(), target.direct),
            (Some("postgresql://eu/db"), None)
        );
    }

    #[test]
    fn variables_beside_a_url_of_the_file_are_passed_over() {
        let file = found(urls(DatabaseFlags::default(), &ENVIRONMENT[1..]));
        assert_eq!(file.url.as_deref(), Some("postgresql://file/db"));
        assert_eq!(file.direct.as_deref(), Some("postgresql://file-direct/db"));
        assert_eq!(file.password_file.as_deref(), Some(Path::new("/file-password")));
        let environment = ENVIRONMENT[1..]
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let names: Vec<_> = Urls::of(&environment).names().collect();
        assert_eq!(
            names,
            ["DIRECT_URL", "SHADOW_DATABASE_URL", "DATABASE_PASSWORD_FILE"]
        );
    }

    #[test]
    fn variables_beside_those_of_libpq_are_used() {
        let environment = ENVIRONMENT[1..]
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let settings = Settings::from_text("", &environment).expect("valid");
        let urls = found(Ok(settings.database.source));
        assert_eq!(
            (urls.url, urls.direct.as_deref()),
            (None, Some("postgresql://env-direct/db"))
        );
        assert_eq!(urls.shadow.as_deref(), Some("postgresql://env-shadow/db"));
    }

    #[test]
    fn an_unknown_target_is_refused_with_the_nearest_one() {
        let flags = DatabaseFlags {
            target: Some("eur".to_owned()),
            ..DatabaseFlags::default()
        };
        let error = urls(flags, &[]).expect_err("no such target");
        assert_eq!(error.hint(), Some("did you mean `eu`?"));
        let flags = DatabaseFlags {
            target: Some("empty".to_owned()),
            ..DatabaseFlags::default()
        };
        assert!(
            urls(flags, &[])
                .expect_err("no url")
                .to_string()
                .contains("has no `url`")
        );
    }

    #[test]
    fn settings_never_show_a_url() {
        let urls = Urls {
            url: Some("postgresql://u:hunter2@h/db".to_owned()),
            ..Urls::default()
        };
        assert!(!format!("{urls:?}").contains("hunter2"));
        let flags = DatabaseFlags {
            url: urls.url,
            ..DatabaseFlags::default()
        };
        assert!(!format!("{flags:?}").contains("hunter2"));
    }
}
