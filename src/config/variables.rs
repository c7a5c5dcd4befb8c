//! What the environment says of the database, read in one way for commands and for services.

use std::time::Duration;

use super::{ConfigError, Environment, Urls, parse_duration};

/// The variables that say where the database is and how it is used; `None` is one that is not set.
#[derive(Debug, Clone, Default)]
pub struct DatabaseVariables {
    pub urls: Urls,
    pub pool_min: Option<usize>,
    pub pool_max: Option<usize>,
    pub pool_timeout: Option<Duration>,
    pub query_timeout: Option<Duration>,
    pub slow_query: Option<Duration>,
    pub connect_wait: Option<Duration>,
}

impl DatabaseVariables {
    /// Reads all of them. One that cannot be what it says is an error that names it.
    pub fn of(environment: &Environment) -> Result<Self, ConfigError> {
        let millis = |name| Ok(number(environment, name)?.map(Duration::from_millis));
        let duration = |name: &'static str| {
            let parse =
                |text| parse_duration(text).map_err(|message| ConfigError::in_variable(name, message));
            environment.get(name).map(parse).transpose()
        };
        Ok(Self {
            urls: Urls::of(environment),
            pool_min: number(environment, "DATABASE_POOL_MIN")?,
            pool_max: positive(environment, "DATABASE_POOL_MAX")?,
            pool_timeout: millis("DATABASE_POOL_TIMEOUT_MS")?,
            query_timeout: millis("DATABASE_QUERY_TIMEOUT_MS")?,
            slow_query: millis("SLOW_QUERY_THRESHOLD_MS")?,
            connect_wait: duration("TENANTCTL_CONNECT_WAIT")?,
        })
    }
}

/// A whole number from the environment.
fn number<T: std::str::FromStr>(
    environment: &Environment,
    name: &'static str,
) -> Result<Option<T>, ConfigError> {
    let parse = |text: &str| {
        text.trim()
            .parse()
            .map_err(|_| ConfigError::in_variable(name, "expected a whole number, 0 or more"))
    };
    environment.get(name).map(parse).transpose()
}

/// The same where there must be one.
pub(super) fn positive(environment: &Environment, name: &'static str) -> Result<Option<usize>, ConfigError> {
    match number(environment, name)? {
        Some(0) => Err(ConfigError::in_variable(
            name,
            "expected a whole number, 1 or more",
        )),
        number => Ok(number),
    }
}
