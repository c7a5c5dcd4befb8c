//! Advisory locks: who works on what. All of them end with their transaction, so they hold behind a pooler too.

use std::fmt;

use super::error::Error;
use super::ident::{QuotedText, SchemaName};
use super::session::Session;

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

impl LockName<'_> {
    /// The SQL expression of the lock's key. 64 bits of hash, so that two tenants do not meet by chance.
    pub fn key(self) -> String {
        format!(
            "hashtextextended({}, 0)",
            QuotedText::new(&format!("tenantctl:{self}"))
        )
    }

    /// Who holds the lock now, or nobody any more.
    pub async fn holder(self, session: &Session) -> Result<Option<String>, Error> {
        let statement = include_str!("sql/lock_holder.sql").replace("{key}", &self.key());
        let answers = session.text_query(&statement).await?;
        let row = answers
            .into_iter()
            .next()
            .and_then(|answer| answer.rows.into_iter().next());
        Ok(row.and_then(|mut row| row.pop().flatten()))
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
    what: String,
    holder: Option<String>,
}

impl LockHeld {
    /// `holder` is what [`LockName::holder`] found out.
    pub fn new(name: LockName<'_>, holder: Option<String>) -> Self {
        let what = match name {
            LockName::Registry => "the registry".to_owned(),
            LockName::Migrations => "migrating this database".to_owned(),
            LockName::Cleanup => "cleaning up this database".to_owned(),
            LockName::SharedTables => "the tables that tenants share".to_owned(),
            LockName::Tenant(schema) | LockName::Statements(schema) => format!("schema `{schema}`"),
            LockName::Rehearsal(id) => format!("rehearsal {id}"),
        };
        Self { what, holder }
    }
}

impl fmt::Display for LockHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is locked by another run", self.what)?;
        self.holder
            .as_ref()
            .map_or(Ok(()), |holder| write!(f, " ({holder})"))
    }
}

impl std::error::Error for LockHeld {}
