//! Rehearsing migrations: tenants are cloned aside, brought forward there while somebody looks on, and removed again.
//!
//! The originals are only read. A migration that changes what lies outside of its clone is undone, unless the clone is
//! in a database of its own.

mod aside;
mod choose;
mod clones;
mod look;
mod perform;

use std::time::{Duration, Instant};

use self::aside::{Aside, Clone};
use self::clones::{By, Id, Removal, remove};
use self::perform::{Performance, Stage};
use super::clone::{CloneError, Contents};
use super::forward::ForwardError;
use super::migrate;
use crate::db::{self, Db, Hold, LockHeld, NO_TRANSACTION_LIMIT, SchemaName, SessionError};
use crate::fleet::{Attempts, Observer, Outcome, Report, Stop, TenantReport, Urgency};
use crate::tenant::Tenant;

pub(in crate::ops) use self::clones::leftovers;
pub use self::clones::remove_leftovers;
pub use self::look::{Mode, Seen, TableLock};
pub use self::perform::Performed;

/// What to rehearse, and how.
#[derive(Debug)]
pub struct Request {
    /// What is to be done to the tenants themselves some time.
    pub migrate: migrate::Request,
    /// How many of the largest; by default one, or all that were named.
    pub largest: Option<usize>,
    pub contents: Contents,
    /// The database for the clones where it is not that of the tenants.
    pub shadow: Option<Db>,
}

/// How the rehearsal with one tenant went.
#[derive(Debug)]
pub struct Rehearsal {
    pub from: Option<i64>,
    /// The rows that were copied, and how long it took to make the clone.
    pub rows: u64,
    pub cloning: Duration,
    pub performed: Vec<Performed>,
    pub failure: Option<Failure>,
    /// The migrations that come after the failing one.
    pub not_reached: Vec<String>,
    /// What a person should know, in words.
    pub notes: Vec<String>,
}

/// A migration that failed.
#[derive(Debug)]
pub struct Failure {
    pub migration: String,
    pub elapsed: Duration,
    pub mishap: Mishap,
}

/// What the tenants themselves would meet too, or must not meet.
#[derive(Debug, thiserror::Error)]
pub enum Mishap {
    #[error("{0}")]
    Migration(#[from] ForwardError),
    #[error("migration `{migration}` changes what lies outside of the tenant, which was undone: {}", .changed.join(", "))]
    Outside { migration: String, changed: Vec<String> },
}

/// Why there was no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("{0}")]
    Clone(#[from] CloneError),
    #[error("making the clone in the shadow database")]
    Shadow(#[source] CloneError),
    #[error("{0}")]
    Forward(#[from] ForwardError),
    #[error("{0}")]
    Mishap(#[from] Mishap),
    #[error("stopped between two migrations")]
    Stopped,
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl RehearseError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Shadow(CloneError::Make(_)) => Some(
                "schemas, tables, roles and extensions that the tenant refers to must be in the shadow database \
                 (SHADOW_DATABASE_URL) too; without one, clones are made beside the tenants",
            ),
            _ => None,
        }
    }

    /// The error as the rehearsal's result, when it is about the migration and not about the rehearsal.
    fn into_mishap(self) -> Result<Mishap, Self> {
        match self {
            Self::Mishap(mishap) => Ok(mishap),
            Self::Forward(error) => match &error {
                ForwardError::Failed { source, .. } | ForwardError::FailedSingly { source, .. }
                    if source.is_connection_lost() || source.is_interrupted() =>
                {
                    Err(error.into())
                }
                ForwardError::Failed { .. }
                | ForwardError::FailedSingly { .. }
                | ForwardError::Unreadable { .. } => Ok(error.into()),
                _ => Err(error.into()),
            },
            error => Err(error),
        }
    }
}

impl Mishap {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Outside { .. } => Some(
                "set SHADOW_DATABASE_URL: in a database for rehearsals, migrations may change what they want",
            ),
            Self::Migration(_) => None,
        }
    }
}

/// Rehearses with the chosen ones of these tenants, one after the other.
pub async fn run(
    db: &Db,
    request: &Request,
    candidates: Vec<Tenant>,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Report<Rehearsal>, RehearseError> {
    let lock_timeout = request.migrate.how.options.lock_timeout;
    let shadow = request.shadow.clone().map(|shadow| shadow.cancelled_with(db));
    let place = shadow.as_ref().unwrap_or(db);
    // Clones are removed whoever wants to stop.
    let safe = place.uncancelled();
    for used in std::iter::once(db).chain(&shadow) {
        for schema in remove_leftovers(&used.uncancelled(), lock_timeout).await? {
            tracing::info!("removed schema `{schema}`, which an interrupted rehearsal had left");
        }
    }
    let chosen = choose::among(db, request, candidates).await?;
    let id = Id::random();
    let mut keeper = place.apart(&[]).await?;
    let opening = format!(
        "BEGIN; {NO_TRANSACTION_LIMIT}; SELECT {}",
        id.lock().taken(Hold::Alone)
    );
    let (alive, _) = keeper.begin(&opening).await?;
    let run = Run {
        db,
        shadow: shadow.as_ref(),
        safe: &safe,
        request,
        id: &id,
        stop,
    };
    let mut report = Report::of_not_started([]);
    for tenant in &chosen {
        let slug = tenant.slug.clone();
        if stop.urgency() > Urgency::None {
            report = report.and(Report::of_not_started([slug]));
            continue;
        }
        let started = Instant::now();
        let outcome = match run.rehearse(tenant, observer).await {
            Ok(rehearsal) => Outcome::Done(rehearsal),
            Err(error) => Outcome::Failed(error.into()),
        };
        report = report.and(Report {
            tenants: vec![TenantReport {
                slug,
                outcome,
                elapsed: started.elapsed(),
            }],
            interrupted: false,
        });
    }
    // The lock ends with its connection in any case.
    alive.rollback().await.ok();
    report.interrupted = stop.urgency() > Urgency::None;
    Ok(report)
}

/// What all tenants of a rehearsal have in common.
struct Run<'a> {
    /// The tenants' database.
    db: &'a Db,
    shadow: Option<&'a Db>,
    /// Where the clones are, and nothing is cancelled.
    safe: &'a Db,
    request: &'a Request,
    id: &'a Id,
    stop: &'a Stop,
}

impl Run<'_> {
    async fn rehearse(
        &self,
        tenant: &Tenant,
        observer: &mut dyn Observer,
    ) -> Result<Rehearsal, RehearseError> {
        let schema = self.id.schema(tenant);
        let result = self.rehearse_in(&schema, tenant, observer).await;
        let lock_timeout = self.request.migrate.how.options.lock_timeout;
        match remove(self.safe, self.id, &schema, By::Owner, lock_timeout).await {
            Ok(Removal::Removed) => {}
            // It was never made.
            Ok(Removal::NotOurs) if result.is_err() => {}
            Ok(Removal::Needed) => {
                tracing::warn!("the clone `{schema}` stays: something outside depends on it");
            }
            Ok(Removal::InUse | Removal::NotOurs) => {
                tracing::warn!("the clone `{schema}` stays: it has lost the comment that says what it is");
            }
            Err(error) => {
                tracing::warn!("the clone `{schema}` is left for the next rehearsal to remove: {error}");
            }
        }
        result
    }

    async fn rehearse_in(
        &self,
        schema: &SchemaName,
        tenant: &Tenant,
        observer: &mut dyn Observer,
    ) -> Result<Rehearsal, RehearseError> {
        let migrate = &self.request.migrate;
        let Clone {
            rows,
            elapsed,
            rows_of,
            unfinished,
            notes,
        } = self.copy(schema, tenant, observer).await?;
        let stage = Stage {
            db: self.shadow.unwrap_or(self.db),
            schema,
            is_shared: self.shadow.is_none(),
            migrations: &migrate.template.migrations,
            how: &migrate.how,
            rows_of,
            unfinished,
            stop: self.stop,
        };
        let Performance {
            from,
            performed,
            failure,
            not_reached,
        } = stage.perform(&tenant.slug, observer).await?;
        Ok(Rehearsal {
            from,
            rows,
            cloning: elapsed,
            performed,
            failure,
            not_reached,
            notes,
        })
    }

    /// Makes the clone. What often passes is tried again.
    async fn copy(
        &self,
        schema: &SchemaName,
        tenant: &Tenant,
        observer: &mut dyn Observer,
    ) -> Result<Clone, RehearseError> {
        let migrate = &self.request.migrate;
        let aside = Aside {
            tenant,
            schema,
            id: self.id,
            contents: &self.request.contents,
            lock_timeout: migrate.how.options.lock_timeout,
            actor: &migrate.log.actor,
        };
        let mut attempts = Attempts::at(&tenant.slug, migrate.plan.retry, self.stop);
        loop {
            match aside.make(self.db, self.shadow, observer).await {
                Ok(clone) => return Ok(clone),
                Err(error) => {
                    if !attempts.another_after(&error, observer).await {
                        return Err(error);
                    }
                }
            }
        }
    }
}
