//! Changing a tenant's row: what is known of it, and whether it is in use.

use super::log::Entry;
use super::migration_histories;
use crate::db::{Db, SchemaName, Transaction};
use crate::fleet::{self, Answer, Observer, Plan, Stop};
use crate::tenant::registry::{self, RegistryError};
use crate::tenant::{Changes, Slug, Status, Tenant};

/// The change to make.
#[derive(Debug)]
pub enum Change {
    Columns(Changes),
    Status(Status),
}

/// What to change.
#[derive(Debug)]
pub struct Request {
    pub slug: Slug,
    pub change: Change,
    pub dry_run: bool,
    pub log: Entry,
}

/// Which tenants are to be in use, or are not.
#[derive(Debug)]
pub struct StatusRequest {
    pub tenants: Vec<Tenant>,
    pub status: Status,
    pub dry_run: bool,
    pub plan: Plan,
    pub log: Entry,
}

/// The tenant before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub before: Tenant,
    pub after: Tenant,
}

/// Makes the change and its line in the log in one transaction; under `dry_run` it is undone at the end.
pub async fn run(db: &Db, request: &Request) -> anyhow::Result<Report> {
    let result = change(db, request).await;
    if let Err(error) = &result
        && !request.dry_run
    {
        request
            .log
            .record_failure(db, &request.slug, error.as_ref())
            .await;
    }
    result
}

async fn change(db: &Db, request: &Request) -> anyhow::Result<Report> {
    let mut session = db.session().await?;
    let (transaction, _) = session.begin("BEGIN; SET LOCAL lock_timeout = '5s'").await?;
    let result = change_in_tx(&transaction, request).await;
    if request.dry_run {
        transaction.rollback().await?;
        return Ok(result?);
    }
    Ok(transaction.end(result).await?)
}

/// Suspends or resumes every tenant in a transaction of its own.
pub async fn set_status(
    db: &Db,
    request: StatusRequest,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> fleet::Report<Report> {
    let StatusRequest {
        tenants,
        status,
        dry_run,
        plan,
        log,
    } = request;
    let job = async |tenant: &Tenant| {
        let request = Request {
            slug: tenant.slug.clone(),
            change: Change::Status(status),
            dry_run,
            log: log.clone(),
        };
        Ok(Answer::Done(change(db, &request).await?))
    };
    let report = fleet::run(tenants, plan, stop, observer, job).await;
    if !dry_run {
        log.record_failures(db, &report).await;
    }
    report
}

/// Those of these tenants whose schema lacks what the template has, by the registry, and the template's version.
pub async fn behind(
    db: &Db,
    template: &SchemaName,
    report: &fleet::Report<Report>,
) -> anyhow::Result<Option<(i64, Vec<Slug>)>> {
    let (_, history) = migration_histories::of_registry_and_template(&db.session().await?, template).await?;
    let Some(version) = history.and_then(|history| history.version()) else {
        return Ok(None);
    };
    let is_behind = |tenant: &Tenant| tenant.schema_version.is_some_and(|own| own < version);
    let behind = report.done().filter(|(_, updated)| is_behind(&updated.after));
    let slugs: Vec<Slug> = behind.map(|(slug, _)| slug.clone()).collect();
    Ok((!slugs.is_empty()).then_some((version, slugs)))
}

async fn change_in_tx(transaction: &Transaction<'_>, request: &Request) -> Result<Report, RegistryError> {
    let before = registry::lock_in_tx(transaction, &request.slug).await?;
    let after = match &request.change {
        Change::Columns(changes) => registry::update_in_tx(transaction, &request.slug, changes).await?,
        Change::Status(status) if *status == before.status => before.clone(),
        Change::Status(status) => registry::set_status_in_tx(transaction, &request.slug, *status).await?,
    };
    if before != after {
        request.log.record_in_tx(transaction, &request.slug).await?;
    }
    Ok(Report { before, after })
}
