//! Bringing the registry up to date, then the template.

use std::time::Duration;

use super::roles;
use super::template::{self, Built, TemplateError};
use crate::db::migrator::{self, Applied, MigrateError, Migrations};
use crate::db::{self, Db, Hold, LockHeld, LockName, RoleName, SessionError};

/// The oldest server whose catalogs and SQL we speak.
const OLDEST_SERVER: i32 = 140_000;

/// What to bring up.
#[derive(Debug)]
pub struct Request {
    pub registry: Migrations,
    pub template: template::Request,
    /// Who is granted what belongs to it, where the roles were set up for the database.
    pub operator: RoleName,
    /// How long another run may hold the registry, and then the template; zero does not wait.
    pub lock_wait: Duration,
    pub dry_run: bool,
}

/// What was done, or under `dry_run` would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub registry: Applied,
    pub template: Built,
}

/// Why the registry or the template is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("PostgreSQL {0} is too old, 14 is the oldest that works")]
    ServerTooOld(String),
    #[error("this database has a table `public.tenants` that tenantctl did not make")]
    ForeignRegistry,
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("migrating the registry")]
    Migrate(#[from] MigrateError),
    #[error("{0}")]
    Template(#[from] TemplateError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl InitError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ForeignRegistry => {
                Some("use a database of its own, or rename that table and run `tenantctl init` again")
            }
            Self::Migrate(error) => error.hint(),
            _ => None,
        }
    }
}

/// Applies what is missing, in one transaction for each of the two. Runs that come at once wait for each other and all
/// succeed.
pub async fn run(db: &Db, request: &Request) -> Result<Report, InitError> {
    let registry = bring_up_registry(db, &request.registry, request.lock_wait, request.dry_run).await?;
    let template = template::build(db, &request.template, request.lock_wait).await?;
    if !request.dry_run {
        let session = db.direct().await?;
        roles::complete(&session, &request.operator, &request.template.schema).await?;
    }
    Ok(Report { registry, template })
}

/// Applies what the registry lacks.
pub(super) async fn bring_up_registry(
    db: &Db,
    migrations: &Migrations,
    lock_wait: Duration,
    dry_run: bool,
) -> Result<Applied, InitError> {
    const SERVER: &str =
        "SELECT current_setting('server_version_num')::int, current_setting('server_version')";
    const FOREIGN: &str = "SELECT to_regclass('public.tenants') IS NOT NULL \
                           AND to_regclass('public.refinery_schema_history') IS NULL";
    let mut session = db.direct().await?;
    if let Some(row) = session.query_opt(SERVER, &[]).await?
        && row.get::<_, i32>(0) < OLDEST_SERVER
    {
        return Err(InitError::ServerTooOld(row.get(1)));
    }

    let lock = LockName::Registry;
    let opening = format!(
        "BEGIN; SET LOCAL search_path = public; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0; \
         SELECT {}",
        db::limit_in_ms(lock_wait),
        lock.taken(Hold::Alone)
    );
    let transaction = match session.begin(&opening).await {
        Ok((transaction, _)) => transaction,
        Err(error) if error.is_transient() => {
            return Err(lock.held(&session).await?.into());
        }
        Err(error) => return Err(error.into()),
    };
    if transaction
        .query_opt(FOREIGN, &[])
        .await?
        .is_some_and(|row| row.get(0))
    {
        transaction.rollback().await?;
        return Err(InitError::ForeignRegistry);
    }
    let result = if dry_run {
        migrator::standing_in_tx(&transaction, migrations)
            .await
            .and_then(|standing| {
                standing.check()?;
                Ok(Applied {
                    applied: standing.pending,
                    version: migrations.latest(),
                })
            })
    } else {
        migrator::apply_in_tx(&transaction, migrations).await
    };
    transaction.end(result.map_err(InitError::from)).await
}
