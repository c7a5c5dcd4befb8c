//! Brings together the settings of one connection, as libpq does: the connection string first, then the service
//! file, then the environment.
//!
//! A [`Setting`] remembers where it came from, so that a bad value can be blamed on the right place. Defaults are
//! left to those who read the settings.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::conninfo;
use super::conninfo_error::{ConnInfoError, Origin};
use super::environment::Env;
use super::keyword::{self, Treatment};
use super::service;

struct Setting {
    value: String,
    origin: Origin,
}

/// The settings that were given, by keyword.
#[derive(Default)]
pub(super) struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    pub(super) fn gather(conninfo: Option<&str>, env: &Env<'_>) -> Result<Self, ConnInfoError> {
        let mut settings = Self::default();
        for (keyword, value) in conninfo.map(conninfo::parse).transpose()?.unwrap_or_default() {
            settings.offer(keyword, value, Origin::ConnectionString);
        }
        let service = settings
            .text("service")
            .map(str::to_owned)
            .or_else(|| env.get("PGSERVICE"));
        if let Some(name) = service {
            for (keyword, value, origin) in service::read(&name, env)? {
                settings.offer(keyword, value, origin);
            }
        }
        for keyword in keyword::all() {
            if let Some((variable, value)) = keyword.variable.and_then(|name| Some((name, env.get(name)?))) {
                settings.offer(keyword.name, value, Origin::Environment(variable));
            }
        }
        // Older than PGSSLMODE, but still obeyed: who set it wants no plain connection.
        if env
            .get("PGREQUIRESSL")
            .is_some_and(|value| value.starts_with('1'))
        {
            settings.offer(
                "sslmode",
                "require".to_owned(),
                Origin::Environment("PGREQUIRESSL"),
            );
        }
        settings.refuse_unsupported()?;
        Ok(settings)
    }

    /// Whether anything says which server or database is meant, rather than only how to reach it.
    pub(super) fn name_a_database(&self) -> bool {
        ["host", "hostaddr", "dbname", "service"]
            .iter()
            .any(|keyword| self.text(keyword).is_some())
    }

    /// A value that is there and not empty: an empty one only hides those that would come after it.
    pub(super) fn text(&self, keyword: &str) -> Option<&str> {
        self.0
            .get(keyword)
            .map(|setting| setting.value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The password that the connection string itself holds.
    pub(super) fn own_password(&self) -> Option<&str> {
        let setting = self.0.get("password")?;
        matches!(setting.origin, Origin::ConnectionString).then_some(())?;
        self.text("password")
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &self,
        keyword: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConnInfoError> {
        let Some(given) = self.text(keyword) else {
            return Ok(None);
        };
        match choices.iter().find(|(word, _)| *word == given) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                Err(self.invalid(keyword, format!("must be one of {}", words.join(", "))))
            }
        }
    }

    pub(super) fn number(&self, keyword: &'static str) -> Result<Option<i32>, ConnInfoError> {
        self.text(keyword)
            .map(|text| {
                text.trim()
                    .parse()
                    .map_err(|_| self.invalid(keyword, "must be a whole number"))
            })
            .transpose()
    }

    /// A number of units; none and less mean that there is no limit, or that the system's default stands.
    pub(super) fn duration(
        &self,
        keyword: &'static str,
        unit: Duration,
    ) -> Result<Option<Duration>, ConnInfoError> {
        let number = self
            .number(keyword)?
            .and_then(|number| u32::try_from(number).ok());
        Ok(number.filter(|number| *number > 0).map(|number| unit * number))
    }

    /// `0` or `1`.
    pub(super) fn switch(&self, keyword: &'static str) -> Result<Option<bool>, ConnInfoError> {
        Ok(self.number(keyword)?.map(|number| number != 0))
    }

    /// The error for a value that was found to be wrong.
    pub(super) fn invalid(&self, keyword: &'static str, problem: impl Into<String>) -> ConnInfoError {
        let origin = self
            .0
            .get(keyword)
            .map_or(Origin::ConnectionString, |setting| setting.origin.clone());
        ConnInfoError::InvalidValue {
            keyword,
            origin,
            problem: problem.into(),
        }
    }

    /// Takes a value, unless a more important place had one.
    fn offer(&mut self, keyword: &'static str, value: String, origin: Origin) {
        self.0.entry(keyword).or_insert(Setting { value, origin });
    }

    fn refuse_unsupported(&self) -> Result<(), ConnInfoError> {
        for (name, setting) in &self.0 {
            if let Some(Treatment::OnlyIf(values, reason)) = keyword::find(name).map(|known| &known.treatment)
                && !setting.value.is_empty()
                && !values.contains(&setting.value.as_str())
            {
                return Err(ConnInfoError::Unsupported {
                    keyword: name,
                    origin: setting.origin.clone(),
                    reason,
                });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(conninfo: &str, variables: &[(&str, &str)]) -> Result<Settings, ConnInfoError> {
        let lookup = |name: &str| {
            variables
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Settings::gather(Some(conninfo), &Env::new(&lookup))
    }

    #[test]
    fn the_string_goes_before_the_environment() {
        let settings = gather(
            "host=a user=''",
            &[("PGHOST", "b"), ("PGUSER", "c"), ("PGPORT", "1")],
        )
        .unwrap();

        assert_eq!(settings.text("host"), Some("a"));
        assert_eq!(settings.text("user"), None, "an empty value hides the variable");
        assert_eq!(settings.text("port"), Some("1"));
    }

    #[test]
    fn the_service_file_goes_between_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[prod]\nhost=service\nuser=service\nport=5\n").unwrap();
        let path = file.path().to_str().unwrap();
        let variables = [
            ("PGSERVICEFILE", path),
            ("PGSERVICE", "prod"),
            ("PGUSER", "env"),
            ("PGDATABASE", "env"),
        ];

        let settings = gather("host=string", &variables).unwrap();

        let texts = ["host", "user", "port", "dbname"].map(|keyword| settings.text(keyword).unwrap());
        assert_eq!(texts, ["string", "service", "5", "env"]);
    }

    #[test]
    fn a_bad_value_is_blamed_on_its_origin() {
        let settings = gather("", &[("PGSSLMODE", "sure"), ("PGCONNECT_TIMEOUT", "soon")]).unwrap();

        assert_eq!(
            settings
                .choice("sslmode", &[("disable", 0), ("require", 1)])
                .unwrap_err()
                .to_string(),
            "`sslmode` in `PGSSLMODE` must be one of disable, require"
        );
        assert_eq!(
            settings.number("connect_timeout").unwrap_err().to_string(),
            "`connect_timeout` in `PGCONNECT_TIMEOUT` must be a whole number"
        );
    }

    #[test]
    fn settings_that_cannot_be_honoured_are_refused() {
        for text in [
            "requirepeer=postgres",
            "require_auth=scram-sha-256",
            "gssencmode=require",
            "replication=true",
        ] {
            let error = gather(text, &[]).unwrap_err();
            assert!(
                matches!(error, ConnInfoError::Unsupported { .. }),
                "{text}: {error}"
            );
        }
        for text in [
            "gssencmode=prefer",
            "replication=false",
            "requirepeer=''",
            "krbsrvname=postgres",
        ] {
            assert!(gather(text, &[]).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_prisma_adds_is_accepted() {
        let text = "postgresql://u:p@h/d?schema=public&connection_limit=5&pool_timeout=10&pgbouncer=true\
                    &statement_cache_size=0&socket_timeout=3&sslaccept=accept_invalid_certs";

        assert_eq!(gather(text, &[]).unwrap().text("connection_limit"), Some("5"));
    }

    #[test]
    fn pgrequiressl_is_the_weaker_pgsslmode() {
        let old = ("PGREQUIRESSL", "1");

        assert_eq!(gather("", &[old]).unwrap().text("sslmode"), Some("require"));
        assert_eq!(
            gather("", &[old, ("PGSSLMODE", "disable")])
                .unwrap()
                .text("sslmode"),
            Some("disable")
        );
    }

    #[test]
    fn debug_shows_no_values() {
        let settings = gather("password=s3cret host=h", &[]).unwrap();

        assert_eq!(format!("{settings:?}"), r#"{"host", "password"}"#);
    }
}
