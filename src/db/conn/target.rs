//! The resolved answer to "which database, and how": everything a connection attempt needs, decided once.
//!
//! [`ConnectTarget::resolve`] is the one place where a connection string, the environment, the service and password
//! files become a value. Going there is left to `connect`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::ChannelBinding;

use super::conninfo_error::ConnInfoError;
use super::endpoint::{self, Endpoint};
use super::environment::Env;
use super::keyword;
use super::pgpass::{self, Login};
use super::secret::Secret;
use super::settings::Settings;
use super::tls_settings::TlsSettings;

/// `target_session_attrs`: which servers of several will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// `load_balance_hosts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    AsListed,
    Random,
}

/// One endpoint with the password that goes there.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    pub(super) password: Option<Secret>,
}

/// A database, the servers it may be found on, and how to log in.
#[derive(Debug, Clone)]
pub struct ConnectTarget {
    pub(super) servers: Vec<Server>,
    pub(super) session: TargetSessionAttrs,
    pub(super) order: Order,
    pub(super) tls: TlsSettings,
    /// What all attempts have in common; the server, its password and TLS are added for each.
    pub(super) driver: tokio_postgres::Config,
    user: String,
    dbname: String,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    connection_limit: Option<usize>,
    /// Settings as variables, for child processes that speak to the same server.
    variables: Vec<(&'static str, String)>,
}

impl ConnectTarget {
    /// Decides on everything, in libpq's order of precedence. Nothing that names a server or database is
    /// [`ConnInfoError::NotConfigured`]: a job that lost its `DATABASE_URL` must not end up on a local server. A password
    /// from elsewhere comes after that of the string itself.
    pub fn resolve(
        conninfo: Option<&str>,
        env: &Env<'_>,
        password_elsewhere: Option<Secret>,
    ) -> Result<Self, ConnInfoError> {
        let conninfo = conninfo.filter(|text| !text.trim().is_empty());
        let settings = Settings::gather(conninfo, env)?;
        if !settings.name_a_database() && env.get("PGSERVICE").is_none() {
            return Err(ConnInfoError::NotConfigured);
        }

        let user = match settings.text("user") {
            Some(user) => user.to_owned(),
            None => env.os_user().ok_or(ConnInfoError::NoUser)?,
        };
        let dbname = settings.text("dbname").unwrap_or(&user).to_owned();
        let endpoints = endpoint::list(&settings)?;
        let mut target = Self {
            servers: endpoints
                .into_iter()
                .map(|endpoint| Server {
                    endpoint,
                    password: None,
                })
                .collect(),
            session: settings
                .choice("target_session_attrs", SESSIONS)?
                .unwrap_or(TargetSessionAttrs::Any),
            order: settings
                .choice(
                    "load_balance_hosts",
                    &[("disable", Order::AsListed), ("random", Order::Random)],
                )?
                .unwrap_or(Order::AsListed),
            tls: TlsSettings::resolve(&settings, env)?,
            driver: driver_config(&settings, &user)?,
            password: settings
                .own_password()
                .map(Secret::from)
                .or(password_elsewhere)
                .or_else(|| settings.text("password").map(Secret::from)),
            password_file: settings
                .text("passfile")
                .map(PathBuf::from)
                .or_else(|| env.in_home(".pgpass")),
            connection_limit: connection_limit(&settings)?,
            variables: keyword::all()
                .filter_map(|known| Some((known.variable?, settings.text(known.name)?.to_owned())))
                .filter(|(variable, _)| !REPLACED_FOR_CHILDREN.contains(variable))
                .collect(),
            user,
            dbname: String::new(),
        };
        target.set_dbname(dbname);
        Ok(target)
    }

    #[must_use]
    pub fn with_application_name(mut self, name: impl Into<String>) -> Self {
        self.driver.application_name(name);
        self
    }

    /// Settings that hold from the login to the end of the connection.
    #[must_use]
    pub fn with_settings(mut self, settings: &[(&str, String)]) -> Self {
        // Poolers refuse the parameter altogether.
        if settings.is_empty() {
            return self;
        }
        let mut options = self.driver.get_options().unwrap_or_default().to_owned();
        for (name, value) in settings {
            let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
            options.push_str(&format!(" -c {name}={value}"));
        }
        self.driver.options(options.trim_start());
        self
    }

    /// The limit for each attempt, from resolving the name to the end of the login.
    #[must_use]
    pub fn with_connect_timeout(mut self, limit: Duration) -> Self {
        self.driver.connect_timeout(limit);
        self
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn dbname(&self) -> &str {
        &self.dbname
    }

    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.servers.iter().map(|server| &server.endpoint)
    }

    pub fn application_name(&self) -> &str {
        self.driver.get_application_name().unwrap_or_default()
    }

    pub fn connect_timeout(&self) -> Option<Duration> {
        self.driver.get_connect_timeout().copied()
    }

    /// Prisma's wish for the size of the pool.
    pub fn connection_limit(&self) -> Option<usize> {
        self.connection_limit
    }

    /// For messages: `acme_db on db.example:5432 as app`.
    pub fn describe(&self) -> String {
        let endpoints: Vec<_> = self.endpoints().map(ToString::to_string).collect();
        format!("{} on {} as {}", self.dbname, endpoints.join(", "), self.user)
    }

    /// What `psql` or `pg_dump` need in their environment to reach the same database. It holds the password, which
    /// on a command line everybody could read. Clear [`libpq_variables`](super::libpq_variables) first: one left
    /// over, such as `PGSERVICE`, would change the meaning of these.
    pub fn child_environment(&self) -> Vec<(&'static str, String)> {
        let items: Vec<_> = self.endpoints().map(Endpoint::list_items).collect();
        let join = |item: fn(&(String, String, String)) -> &str| {
            items.iter().map(item).collect::<Vec<_>>().join(",")
        };
        let mut variables = self.variables.clone();
        variables.extend([
            ("PGHOST", join(|(host, _, _)| host)),
            ("PGPORT", join(|(_, _, port)| port)),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.dbname.clone()),
            ("PGAPPNAME", self.application_name().to_owned()),
        ]);
        if let Some(options) = self.driver.get_options() {
            variables.push(("PGOPTIONS", options.to_owned()));
        }
        if items.iter().any(|(_, hostaddr, _)| !hostaddr.is_empty()) {
            variables.push(("PGHOSTADDR", join(|(_, hostaddr, _)| hostaddr)));
        }
        if let Some(limit) = self.connect_timeout() {
            variables.push(("PGCONNECT_TIMEOUT", limit.as_secs().max(1).to_string()));
        }
        if let Some(password) = &self.password {
            variables.push(("PGPASSWORD", password.expose().to_owned()));
        }
        if let Some(path) = &self.password_file {
            variables.push(("PGPASSFILE", path.display().to_string()));
        }
        variables
    }

    /// The password file is asked by database too, so the passwords follow.
    fn set_dbname(&mut self, dbname: String) {
        self.driver.dbname(&dbname);
        self.dbname = dbname;
        for server in &mut self.servers {
            let names = server.endpoint.names_in_password_file();
            let login = Login {
                hosts: &names.iter().map(String::as_str).collect::<Vec<_>>(),
                port: server.endpoint.port,
                dbname: &self.dbname,
                user: &self.user,
            };
            let from_file = || {
                self.password_file
                    .as_deref()
                    .and_then(|path| pgpass::look_up(path, login))
            };
            server.password = self
                .password
                .clone()
                .or_else(from_file)
                .filter(|secret| !secret.expose().is_empty());
        }
    }
}

impl fmt::Display for ConnectTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

const SESSIONS: &[(&str, TargetSessionAttrs)] = &[
    ("any", TargetSessionAttrs::Any),
    ("read-write", TargetSessionAttrs::ReadWrite),
    ("read-only", TargetSessionAttrs::ReadOnly),
    ("primary", TargetSessionAttrs::Primary),
    ("standby", TargetSessionAttrs::Standby),
    ("prefer-standby", TargetSessionAttrs::PreferStandby),
];

/// Variables that are made from what was decided instead of being handed on.
const REPLACED_FOR_CHILDREN: &[&str] = &[
    "PGSERVICE",
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGUSER",
    "PGDATABASE",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGAPPNAME",
    "PGOPTIONS",
    "PGCONNECT_TIMEOUT",
];

fn driver_config(settings: &Settings, user: &str) -> Result<tokio_postgres::Config, ConnInfoError> {
    let application = settings
        .text("application_name")
        .or_else(|| settings.text("fallback_application_name"));
    let binding = settings.choice(
        "channel_binding",
        &[
            ("disable", ChannelBinding::Disable),
            ("prefer", ChannelBinding::Prefer),
            ("require", ChannelBinding::Require),
        ],
    )?;

    let mut driver = tokio_postgres::Config::new();
    driver
        .user(user)
        .application_name(application.unwrap_or(env!("CARGO_PKG_NAME")))
        .channel_binding(binding.unwrap_or(ChannelBinding::Prefer))
        .keepalives(settings.switch("keepalives")?.unwrap_or(true));
    if let Some(options) = settings.text("options") {
        driver.options(options);
    }
    if let Some(limit) = settings.duration("connect_timeout", Duration::from_secs(1))? {
        driver.connect_timeout(limit);
    }
    if let Some(limit) = settings.duration("tcp_user_timeout", Duration::from_millis(1))? {
        driver.tcp_user_timeout(limit);
    }
    if let Some(idle) = settings.duration("keepalives_idle", Duration::from_secs(1))? {
        driver.keepalives_idle(idle);
    }
    if let Some(interval) = settings.duration("keepalives_interval", Duration::from_secs(1))? {
        driver.keepalives_interval(interval);
    }
    if let Some(count) = settings
        .number("keepalives_count")?
        .and_then(|count| u32::try_from(count).ok())
    {
        driver.keepalives_retries(count);
    }
    Ok(driver)
}

fn connection_limit(settings: &Settings) -> Result<Option<usize>, ConnInfoError> {
    let limit = settings.number("connection_limit")?;
    limit
        .map(|limit| usize::try_from(limit).ok().filter(|limit| *limit > 0))
        .map(|limit| limit.ok_or_else(|| settings.invalid("connection_limit", "must be at least 1")))
        .transpose()
}

#[cfg(test)]
mod tests;
