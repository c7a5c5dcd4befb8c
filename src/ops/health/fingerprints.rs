//! Drift, as far as fingerprints tell: those that the registry keeps from the last look, or new ones.

use std::collections::HashMap;
use std::time::Duration;

use super::checks;
use super::finding::{Finding, Severity};
use super::registry::{Tenant, flag, slugs};
use super::words::{chosen, verb};
use super::{Asking, HealthError, Request};
use crate::blueprint;
use crate::db::{Db, SchemaName};
use crate::words::count;

/// Schemas whose fingerprints are taken by one set of queries.
const GROUP: usize = 500;
/// How long one look may wait for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);
/// How long each of its questions may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Who differs from the template.
pub(super) async fn drift(
    db: &Db,
    asking: &Asking<'_>,
    version: Option<i64>,
    tenants: &[Tenant],
) -> Result<Vec<Finding>, HealthError> {
    let Request {
        template, deep, skip, ..
    } = asking.request;
    // Without the registry there is nothing to compare with.
    if !asking.readable.tenants.is_clear() {
        return Ok(Vec::new());
    }
    // Who is at another version must differ, which is said elsewhere.
    let is_comparable = |tenant: &Tenant| version.is_none() || tenant.version == version;
    let mut found = Vec::new();
    if *deep || !skip.holds(&checks::DRIFT) {
        let schema = &template.schema;
        let Some(expected) = take(db, std::slice::from_ref(schema)).await?.remove(schema) else {
            return Ok(found);
        };
        if *deep {
            return anew(db, tenants, &expected, is_comparable).await;
        }
        let differs = |tenant: &Tenant| tenant.fingerprint.as_ref().is_some_and(|own| *own != expected);
        let has_drifted = |tenant: &Tenant| is_comparable(tenant) && differs(tenant);
        let drifted = slugs(tenants, has_drifted);
        found.extend(drifting(drifted, flag(tenants, has_drifted), When::Kept));
    }
    let is_unknown = |tenant: &Tenant| is_comparable(tenant) && tenant.fingerprint.is_none();
    let unknown = slugs(tenants, is_unknown);
    if !unknown.is_empty() {
        let summary = format!(
            "{} {} no fingerprint: nobody has looked since the last migration",
            count(unknown.len(), "tenant"),
            verb(unknown.len(), "has", "have")
        );
        found.push(
            Finding::new(Severity::Note, &checks::DRIFT_UNKNOWN, summary)
                .run(format!("tenantctl drift --all{}", flag(tenants, is_unknown)))
                .about(unknown),
        );
    }
    Ok(found)
}

/// When the fingerprints are from.
#[derive(Clone, Copy)]
enum When {
    Kept,
    Now,
}

fn drifting(drifted: Vec<String>, flag: &str, when: When) -> Option<Finding> {
    (!drifted.is_empty()).then(|| {
        let summary = format!(
            "{} {} from the template",
            count(drifted.len(), "tenant"),
            match when {
                When::Kept => "differed, when last looked at,",
                When::Now => verb(drifted.len(), "differs", "differ"),
            }
        );
        Finding::new(Severity::Warning, &checks::DRIFT, summary)
            .run(format!("tenantctl drift {}{flag}", chosen(&drifted)))
            .about(drifted)
    })
}

/// Takes the fingerprints of all tenants and holds them against the template's and the registry's.
async fn anew(
    db: &Db,
    tenants: &[Tenant],
    expected: &str,
    is_comparable: impl Fn(&Tenant) -> bool,
) -> Result<Vec<Finding>, HealthError> {
    let schemas: Vec<SchemaName> = tenants
        .iter()
        .filter_map(|tenant| SchemaName::new(tenant.schema.clone()).ok())
        .collect();
    let mut taken: HashMap<String, String> = HashMap::new();
    for group in schemas.chunks(GROUP) {
        let found = take(db, group).await?;
        taken.extend(
            found
                .into_iter()
                .map(|(schema, found)| (schema.to_string(), found)),
        );
    }
    let now = |tenant: &Tenant| taken.get(&tenant.schema);
    let has_drifted =
        |tenant: &Tenant| is_comparable(tenant) && now(tenant).is_some_and(|now| now != expected);
    let has_changed = |tenant: &Tenant| matches!((now(tenant), &tenant.fingerprint), (Some(now), Some(kept)) if now != kept);
    let changed = slugs(tenants, has_changed);
    let mut found = Vec::new();
    let drifted = slugs(tenants, has_drifted);
    found.extend(drifting(drifted, flag(tenants, has_drifted), When::Now));
    if !changed.is_empty() {
        let summary = format!(
            "the {} of {} changed since {} last looked at",
            verb(changed.len(), "definition", "definitions"),
            count(changed.len(), "tenant"),
            verb(changed.len(), "it was", "they were")
        );
        found.push(
            Finding::new(Severity::Warning, &checks::SCHEMA_CHANGED, summary)
                .run(format!(
                    "tenantctl drift {}{}",
                    chosen(&changed),
                    flag(tenants, has_changed)
                ))
                .about(changed),
        );
    }
    Ok(found)
}

async fn take(db: &Db, schemas: &[SchemaName]) -> Result<HashMap<SchemaName, String>, HealthError> {
    let mut session = db.session().await?;
    let opening = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = {}",
        LOCK_TIMEOUT.as_millis()
    );
    let (transaction, _) = session.begin(&opening).await?;
    let found = blueprint::fingerprints_within(&transaction, schemas, STATEMENT_TIMEOUT).await;
    Ok(transaction.end(found).await?)
}
