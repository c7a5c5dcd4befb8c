//! The one place where a tenant's schema is entered.

use std::fmt::Write as _;
use std::time::Duration;

use super::error::Error;
use super::ident::{QuotedIdent, QuotedText, SchemaName};
use super::lock::{Hold, LockHeld, LockName};
use super::session::{Session, Transaction};
use super::text_result::is_so;
use super::timeout::{limit_in_ms, optional_limit_in_ms};

/// Names the tenant's schema to policies of row level security, which hold for every role but the tables' owner.
const TENANT_SETTING: &str = "app.current_tenant";

/// What the work in a tenant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// PostgreSQL refuses every change. Readers share the tenant's lock.
    ReadOnly,
    /// The tenant's lock is held alone.
    ReadWrite,
}

impl Access {
    fn hold(self) -> Hold {
        match self {
            Self::ReadOnly => Hold::Shared,
            Self::ReadWrite => Hold::Alone,
        }
    }
}

/// How a tenant is entered.
#[derive(Debug, Clone)]
pub struct TenantOptions {
    pub access: Access,
    /// Schemas seen after the tenant's own.
    pub search_path: Vec<String>,
    /// Zero waits for ever.
    pub lock_timeout: Duration,
    /// Zero lets a statement run as long as it takes.
    pub statement_timeout: Duration,
}

/// A tenant whose schema is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema `{0}` does not exist")]
pub struct SchemaMissing(pub SchemaName);

impl SchemaMissing {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "bring it back with `tenantctl restore FILE --replace`, or remove the tenant with `tenantctl drop`"
    }
}

/// Why a tenant could not be entered.
#[derive(Debug, thiserror::Error)]
pub enum OpenTenantError {
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("{0}")]
    SchemaMissing(#[from] SchemaMissing),
    #[error("{0}")]
    Sql(#[from] Error),
}

impl Session {
    /// Begins a transaction inside a tenant: lock, search path, the tenant's name for policies, and timeouts, all of
    /// them gone with the transaction.
    ///
    /// The schema is looked for first, because PostgreSQL would quietly pass over a search path entry that does not
    /// exist and find the tables of the next one.
    pub async fn open_tenant(
        &mut self,
        schema: &SchemaName,
        options: &TenantOptions,
    ) -> Result<Transaction<'_>, OpenTenantError> {
        let (transaction, exists) = self.lock_tenant_after("", schema, options).await?;
        if exists {
            return Ok(transaction);
        }
        transaction.rollback().await?;
        Err(SchemaMissing(schema.clone()).into())
    }

    /// The same for work that a missing schema does not keep from being done. Says whether it is there.
    ///
    /// `first` is a statement that comes before the tenant's lock, such as one that waits for a lock of many tenants.
    pub async fn lock_tenant_after(
        &mut self,
        first: &str,
        schema: &SchemaName,
        options: &TenantOptions,
    ) -> Result<(Transaction<'_>, bool), OpenTenantError> {
        let (transaction, answers) = self.begin(&opening(first, schema, options)).await?;
        let (locked, exists) = (is_so(&answers, 0), is_so(&answers, 1));
        if locked {
            return Ok((transaction, exists));
        }
        let lock = LockName::Tenant(schema);
        let held = lock.held(&transaction).await?;
        transaction.rollback().await?;
        Err(held.into())
    }

    /// Begins a transaction inside a tenant as an application does: without the tenant's lock, so that it waits for
    /// nobody but those who hold locks on the same tables or rows.
    pub async fn enter_tenant(
        &mut self,
        schema: &SchemaName,
        options: &TenantOptions,
    ) -> Result<Transaction<'_>, OpenTenantError> {
        let name = schema.quoted().to_string();
        let opening = format!(
            "{}; {}SELECT to_regnamespace({}) IS NOT NULL",
            begin(options.access),
            local_settings(schema, options),
            QuotedText::new(&name)
        );
        let (transaction, answers) = self.begin(&opening).await?;
        if is_so(&answers, 0) {
            return Ok(transaction);
        }
        transaction.rollback().await?;
        Err(SchemaMissing(schema.clone()).into())
    }

    /// Begins a transaction in which a schema may be made: waits for its lock that long, and does not ask for the
    /// schema to be there. An error that is transient means that the lock was held all the time.
    pub async fn open_unmade(
        &mut self,
        schema: &SchemaName,
        options: &TenantOptions,
        lock_wait: Duration,
    ) -> Result<Transaction<'_>, Error> {
        let begin = begin(options.access);
        let opening = format!(
            "{begin}; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {}; SELECT {}; {}",
            limit_in_ms(lock_wait),
            LockName::Tenant(schema).taken(options.access.hold()),
            local_settings(schema, options),
        );
        let (transaction, _) = self.begin(&opening).await?;
        Ok(transaction)
    }
}

fn begin(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "BEGIN READ ONLY",
        Access::ReadWrite => "BEGIN READ WRITE",
    }
}

fn opening(first: &str, schema: &SchemaName, options: &TenantOptions) -> String {
    let begin = begin(options.access);
    let mut script = format!("{begin}; {}{first};\n", local_settings(schema, options));
    let name = schema.quoted().to_string();
    let lock = LockName::Tenant(schema).tried(options.access.hold());
    let _ = write!(
        script,
        "SELECT {lock}, to_regnamespace({}) IS NOT NULL",
        QuotedText::new(&name)
    );
    script
}

/// The settings with which a tenant is entered, each with the value as it is written in SQL.
fn assignments(schema: &SchemaName, options: &TenantOptions) -> [(&'static str, String); 5] {
    let path: Vec<String> = std::iter::once(schema.quoted().to_string())
        .chain(
            options
                .search_path
                .iter()
                .map(|name| QuotedIdent::new(name).to_string()),
        )
        .collect();
    [
        ("search_path", path.join(", ")),
        (TENANT_SETTING, QuotedText::new(schema.as_str()).to_string()),
        (
            "lock_timeout",
            optional_limit_in_ms(options.lock_timeout).to_string(),
        ),
        (
            "statement_timeout",
            optional_limit_in_ms(options.statement_timeout).to_string(),
        ),
        ("standard_conforming_strings", "on".to_owned()),
    ]
}

/// The same as statements that hold until the end of the transaction.
pub fn local_settings(schema: &SchemaName, options: &TenantOptions) -> String {
    let mut script = String::new();
    for (name, value) in assignments(schema, options) {
        let _ = write!(script, "SET LOCAL {name} = {value}; ");
    }
    script
}

/// The same as values for a connection of its own.
pub fn settings(schema: &SchemaName, options: &TenantOptions) -> Vec<(&'static str, String)> {
    let mut settings = Vec::from(assignments(schema, options));
    for (name, value) in &mut settings {
        if *name == TENANT_SETTING {
            schema.as_str().clone_into(value);
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_schema_name_stays_one_name_in_the_opening() {
        let schema = SchemaName::new("x\"; DROP TABLE t; --'\\").expect("valid");
        let options = TenantOptions {
            access: Access::ReadOnly,
            search_path: vec!["pub\"lic".to_owned()],
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::ZERO,
        };
        let script = opening("", &schema, &options);
        let parsed = crate::db::statements(&script).expect("readable");
        let openings: Vec<&str> = parsed
            .iter()
            .map(|statement| statement.opening[0].as_str())
            .collect();
        assert_eq!(openings, ["begin", "set", "set", "set", "set", "set", "select"]);
        assert!(script.contains("\"pub\"\"lic\""));
    }
}
