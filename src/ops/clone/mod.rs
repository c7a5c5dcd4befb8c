//! Copying a tenant on the server: its schema, the rows in it and a row of the registry, all of them or nothing.
//!
//! Everything happens in one transaction, and so from one snapshot of the original. What changes it afterwards waits
//! for the tenant's lock, or, if it knows nothing of that, for the locks on the tables; reading and writing rows waits
//! for nothing.

mod copy;
mod plan;

use std::time::Duration;

pub(in crate::ops) use self::copy::{AfterRows, Steps};
use self::plan::plan_in_tx;
pub(in crate::ops) use self::plan::{Plan, lock_tables};
use super::log::Entry;
use super::making::MakeError;
use super::original::OriginalError;
use super::roles::tenant::TenantRoleError;
use crate::blueprint::{CannotCopy, UnclearText};
use crate::db::{self, Access, Db, Hold, LockHeld, LockName, Opening, SessionError, Snapshot};
use crate::fleet::{Attempts, Observer, Retry, Stop};
use crate::tenant::registry::{self, RegistryError};
use crate::tenant::{NewTenant, Slug, Tenant};

/// What to copy, and how.
#[derive(Debug)]
pub struct Request {
    pub from: Tenant,
    pub to: NewTenant,
    pub contents: Contents,
    pub unclear: UnclearText,
    pub lock_timeout: Duration,
    pub retry: Retry,
    /// Stop before the first change.
    pub dry_run: bool,
    pub log: Entry,
}

/// What goes along with the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    All,
    /// The history of migrations, and these tables.
    Only(Vec<String>),
    /// The same, of tables that are there.
    Known(Vec<String>),
}

/// What was copied, or would be.
#[derive(Debug)]
pub struct Report {
    /// `None` when nothing was changed.
    pub tenant: Option<Tenant>,
    pub tables: Vec<Copied>,
    /// What a person should know, in words.
    pub notes: Vec<String>,
}

/// A table and how many of its rows there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub table: String,
    pub rows: u64,
}

/// How many connections a run needs: one copies, the other sees what is changed meanwhile.
pub const CONNECTIONS: usize = 2;

/// Why a tenant was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Original(#[from] OriginalError),
    #[error("{0}")]
    Make(#[from] MakeError),
    #[error("{0}")]
    Role(#[from] TenantRoleError),
    #[error("{doing}")]
    Step { doing: String, source: db::Error },
    #[error("the copy does not hold the rows of the original: {}", .0.join(", "))]
    RowsDiffer(Vec<String>),
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl CloneError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(RegistryError::SlugTaken(slug)) => Some(format!(
                "choose another slug, or see whose it is with `tenantctl show {slug}`"
            )),
            Self::Original(error) => error.hint().map(str::to_owned),
            Self::Step { source, .. } => not_all_rows(source).map(str::to_owned),
            _ => None,
        }
    }
}

/// What to do where row security keeps rows from whoever reads them all.
pub(in crate::ops) fn not_all_rows(error: &db::Error) -> Option<&'static str> {
    let words = "connect as a role that may read all rows: the owner of the tables or one with BYPASSRLS";
    (error.sqlstate() == Some("42501")).then_some(words)
}

impl From<CannotCopy> for CloneError {
    fn from(error: CannotCopy) -> Self {
        OriginalError::from(error).into()
    }
}

/// The tenant to copy, active or not.
pub async fn original(db: &Db, slug: &Slug) -> anyhow::Result<Tenant> {
    Ok(registry::find(&db.session().await?, slug).await?)
}

/// Copies the tenant. What often passes is tried again.
pub async fn run(
    db: &Db,
    request: &Request,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Report, CloneError> {
    let mut attempts = Attempts::at(&request.to.slug, request.retry, stop);
    loop {
        match attempt(db, request, observer).await {
            Ok(report) => return Ok(report),
            Err(error) => {
                if attempts.another_after(&error, observer).await {
                    continue;
                }
                if !request.dry_run {
                    request.log.record_failure(db, &request.to.slug, &error).await;
                }
                return Err(error);
            }
        }
    }
}

async fn attempt(db: &Db, request: &Request, observer: &mut dyn Observer) -> Result<Report, CloneError> {
    let mut session = db.direct().await?;
    let opening = Opening {
        snapshot: Snapshot::One,
        access: Access::ReadWrite,
        lock_timeout: request.lock_timeout,
        first: "SET LOCAL synchronize_seqscans = off",
        locks: &[
            (LockName::Tenant(&request.from.schema), Hold::Shared),
            (LockName::Tenant(&request.to.schema), Hold::Alone),
        ],
    };
    let transaction = session.begin_locked(&opening).await??;
    let plan = plan_in_tx(db, &transaction, request).await;
    match plan {
        Ok(plan) if request.dry_run => {
            let report = plan.foresee(&transaction, &request.to).await;
            transaction.rollback().await?;
            report
        }
        Ok(plan) => {
            let result = plan.carry_out(&transaction, request, observer).await;
            transaction.end(result).await
        }
        Err(error) => transaction.end(Err(error)).await,
    }
}

pub(in crate::ops) fn step(doing: &str, source: db::Error) -> CloneError {
    CloneError::Step {
        doing: doing.to_owned(),
        source,
    }
}
