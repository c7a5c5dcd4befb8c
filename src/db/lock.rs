//! Advisory locks: who works on what. All of them end with their transaction, so they hold behind a pooler too.

use std::fmt;

use super::error::Error;
use super::ident::{QuotedText, SchemaName};
use super::session::Session;
use super::text_result::told;

/// What a lock stands for.
#[derive(Debug, Clone, Copy)]
pub enum LockName<'a> {
    /// Changing the registry's own tables.
    Registry,
    /// Bringing the fleet forward.
    Migrations,
    /// Changing one tenant's schema.
    Tenant(&'a SchemaName),
    /// Removing what has outlived its retention.
    Cleanup,
    /// Running the statements of a migration that wants no transaction. They outlive a run that is killed.
    Statements(&'a SchemaName),
    /// Adding or removing foreign keys to tables that all tenants share.
    SharedTables,
    /// Working on the copies of one rehearsal, as long as it lives.
    Rehearsal(&'a str),
}

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    Shared,
    Alone,
}

impl Hold {
    /// The suffix of PostgreSQL's functions.
    fn suffix(self) -> &'static str {
        match self {
            Self::Shared => "_shared",
            Self::Alone => "",
        }
    }
}

impl LockName<'_> {
    /// The SQL expression of the lock's key. 64 bits of hash, so that two tenants do not meet by chance.
    pub fn key(self) -> String {
        format!(
            "pg_catalog.hashtextextended({}, 0)",
            QuotedText::new(&format!("tenantctl:{self}"))
        )
    }

    /// The SQL expression that takes the lock until the transaction ends, and waits for it.
    pub fn taken(self, hold: Hold) -> String {
        format!(
            "pg_catalog.pg_advisory_xact_lock{}({})",
            hold.suffix(),
            self.key()
        )
    }

    /// The same without waiting: whether it could be taken.
    pub fn tried(self, hold: Hold) -> String {
        format!(
            "pg_catalog.pg_try_advisory_xact_lock{}({})",
            hold.suffix(),
            self.key()
        )
    }

    /// That somebody else holds the lock, and who that is as far as it can still be found out.
    pub async fn held(self, session: &Session) -> Result<LockHeld, Error> {
        Ok(LockHeld::new(self, self.holder(session).await?))
    }

    /// Who holds the lock now, or nobody any more.
    pub async fn holder(self, session: &Session) -> Result<Option<String>, Error> {
        let statement = include_str!("sql/lock_holder.sql").replace("{key}", &self.key());
        let answers = session.text_query(&statement).await?;
        Ok(told(&answers, 0).map(str::to_owned))
    }
}

impl fmt::Display for LockName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry => f.write_str("registry"),
            Self::Migrations => f.write_str("migrations"),
            Self::Cleanup => f.write_str("cleanup"),
            Self::SharedTables => f.write_str("shared tables"),
            Self::Tenant(schema) => write!(f, "tenant:{schema}"),
            Self::Statements(schema) => write!(f, "statements:{schema}"),
            Self::Rehearsal(id) => write!(f, "rehearsal:{id}"),
        }
    }
}

/// Another run holds a lock that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHeld {
    problem: String,
    holder: Option<String>,
    is_waited_for: bool,
}

impl LockHeld {
    /// `holder` is what [`LockName::holder`] found out.
    pub fn new(name: LockName<'_>, holder: Option<String>) -> Self {
        let problem = match name {
            LockName::Registry => "the registry is locked by another run".to_owned(),
            LockName::Migrations => "another run is migrating this database".to_owned(),
            LockName::Cleanup => "another run is cleaning up this database".to_owned(),
            LockName::SharedTables => "the tables that tenants share are locked by another run".to_owned(),
            LockName::Tenant(schema) | LockName::Statements(schema) => {
                format!("schema `{schema}` is locked by another run")
            }
            LockName::Rehearsal(id) => format!("rehearsal {id} is locked by another run"),
        };
        Self {
            problem,
            holder,
            is_waited_for: matches!(name, LockName::Registry | LockName::Migrations),
        }
    }

    /// What to do next. Those who take the locks of the whole database, `init` and `migrate`, can wait for them.
    pub fn hint(&self) -> &'static str {
        if self.is_waited_for {
            "wait until that run has ended, or have this one wait for it with `--lock-wait 10m`"
        } else {
            "wait until that run has ended, and try again"
        }
    }
}

impl fmt::Display for LockHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        self.holder
            .as_ref()
            .map_or(Ok(()), |holder| write!(f, " ({holder})"))
    }
}

impl std::error::Error for LockHeld {}
