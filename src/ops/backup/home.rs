//! The database that a backup is of.

use super::format::Manifest;
use crate::db::{self, Session, is_so, told};

/// What tells a database from others. A name is often the same on several servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Home {
    pub database: String,
    /// The server's own number, where it may be asked for.
    pub system: Option<String>,
}

impl Home {
    /// The database of a session.
    pub async fn of(session: &Session) -> Result<Self, db::Error> {
        const NAME: &str = "SELECT pg_catalog.current_database(), \
                            pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')";
        const SYSTEM: &str = "SELECT system_identifier FROM pg_catalog.pg_control_system()";
        let answers = session.text_query(NAME).await?;
        let system = match is_so(&answers, 1) {
            true => told(&session.text_query(SYSTEM).await?, 0).map(str::to_owned),
            false => None,
        };
        Ok(Self {
            database: told(&answers, 0).unwrap_or_default().to_owned(),
            system,
        })
    }

    /// The database that a backup says it is of.
    pub(super) fn told_by(manifest: &Manifest) -> Self {
        Self {
            database: manifest.database.clone(),
            system: manifest.system.clone(),
        }
    }

    /// Whether it is the same database, by what is known of both.
    pub(super) fn is(&self, other: &Self) -> bool {
        let is_system = |one: &String| other.system.as_ref().is_none_or(|other| one == other);
        self.database == other.database && self.system.as_ref().is_none_or(is_system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_the_same_name_on_another_server_is_another_one() {
        let home = |database: &str, system: Option<&str>| Home {
            database: database.to_owned(),
            system: system.map(str::to_owned),
        };
        let here = home("app", Some("1"));
        assert!(here.is(&here) && here.is(&home("app", None)) && home("app", None).is(&here));
        assert!(!here.is(&home("app", Some("2"))));
        assert!(!here.is(&home("other", Some("1"))) && !here.is(&home("other", None)));
    }
}
