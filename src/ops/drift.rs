//! How tenants' schemas depart from the template, or from one of them.
//!
//! Fingerprints of the whole fleet come first, with as many queries for a group of tenants as for one. Definitions are
//! read where fingerprints differ, and once for all tenants that have the same one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use tokio::sync::OnceCell;

use super::original::OriginalError;
use crate::blueprint::{self, Blueprint, DataLoss, Difference, Mend, ReadError, ReplayError, Replayed, Same};
use crate::db::{Db, SchemaMissing, SchemaName};
use crate::fleet::{self, Answer, Observer, Plan, Report, Stop, Urgency};
use crate::tenant::{Tenant, fingerprints, registry};

/// The tenants whose fingerprints are taken by one set of queries: so many that looking through whole catalogs, as
/// the queries do, is worth its while, and not so many that the server runs short of memory or one connection has all
/// the work. A larger fleet has larger groups: its catalogs are larger too, and as many groups look through them.
const GROUP: RangeInclusive<usize> = 250..=2500;

/// What to compare.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<Tenant>,
    pub against: Against,
    /// Whether to say what brings tenants back, and at which price.
    pub mend: Option<DataLoss>,
    pub lock_timeout: Duration,
    pub plan: Plan,
}

/// What tenants should be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    Template(SchemaName),
    Tenant(SchemaName),
}

impl Against {
    /// The schema that tells.
    pub fn schema(&self) -> &SchemaName {
        match self {
            Self::Template(schema) | Self::Tenant(schema) => schema,
        }
    }
}

/// What came of looking at one tenant.
#[derive(Debug)]
pub struct Checked {
    pub schema: SchemaName,
    pub fingerprint: String,
    /// `None` when the fingerprint says all.
    drift: Option<Arc<Drift>>,
}

/// How all tenants of one fingerprint depart.
#[derive(Debug)]
struct Drift {
    differences: Vec<Difference>,
    mend: Option<Mend>,
}

impl Checked {
    /// How the tenant departs from what it should be.
    pub fn differences(&self) -> &[Difference] {
        self.drift.as_ref().map_or(&[], |drift| &drift.differences)
    }

    /// The statements that bring it back, if they were asked for.
    pub fn sql(&self) -> Option<String> {
        let mend = self.drift.as_ref()?.mend.as_ref()?;
        Some(mend.sql(&self.schema))
    }

    /// Whether it departs.
    pub fn has_drifted(&self) -> bool {
        !self.differences().is_empty()
    }
}

/// Looks at every tenant.
pub async fn run(
    db: &Db,
    request: Request,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> anyhow::Result<Report<Checked>> {
    let Request {
        tenants,
        against,
        mend,
        lock_timeout,
        plan,
    } = request;
    if tenants.is_empty() {
        return Ok(Report {
            tenants: Vec::new(),
            interrupted: false,
        });
    }
    let reference = Reference::new(db, against, mend, lock_timeout).await?;
    let known = RefCell::new(take_fingerprints(db, &tenants, plan.jobs, stop).await);
    let drifts = Drifts::default();

    let job = async |tenant: &Tenant| {
        // It serves one attempt: there is another where it is true no more.
        let taken = known.borrow_mut().remove(&tenant.schema);
        let fingerprint = match taken {
            Some(fingerprint) => fingerprint,
            // The group that it was in could not be asked, or it has no schema: it is looked at alone.
            None => {
                let mut session = db.direct().await?;
                let schemas = std::slice::from_ref(&tenant.schema);
                match blueprint::fingerprints(&mut session, schemas)
                    .await?
                    .remove(&tenant.schema)
                {
                    Some(fingerprint) => fingerprint,
                    None if registry::is_gone(&session, tenant).await? => {
                        return Ok(Answer::Skip("it was dropped meanwhile".to_owned()));
                    }
                    None => return Err(SchemaMissing(tenant.schema.clone()).into()),
                }
            }
        };
        let drift = match fingerprint == reference.fingerprint {
            true => None,
            false => Some(
                drifts
                    .find(&fingerprint, async || {
                        reference.compare(db, &tenant.schema, &fingerprint).await
                    })
                    .await?,
            ),
        };
        Ok(Answer::Done(Checked {
            schema: tenant.schema.clone(),
            fingerprint,
            drift,
        }))
    };
    Ok(fleet::run(tenants, plan, stop, observer, job).await)
}

/// The fingerprints of the tenants, which the registry keeps from then on. A group that cannot be asked is left out.
async fn take_fingerprints(
    db: &Db,
    tenants: &[Tenant],
    jobs: usize,
    stop: &Stop,
) -> HashMap<SchemaName, String> {
    let started = Instant::now();
    let size = tenants
        .len()
        .div_ceil(jobs.max(1))
        .clamp(*GROUP.start(), *GROUP.end());
    let groups = stream::iter(tenants.chunks(size)).map(async |group| {
        if stop.urgency() > Urgency::None {
            return HashMap::new();
        }
        fingerprints_of(db, group).await.unwrap_or_else(|error| {
            tracing::debug!("the fingerprints of {} tenants: {error:#}", group.len());
            HashMap::new()
        })
    });
    let found: Vec<_> = groups.buffer_unordered(jobs.max(1)).collect().await;
    let found: HashMap<SchemaName, String> = found.into_iter().flatten().collect();
    tracing::debug!("took {} fingerprints in {:?}", found.len(), started.elapsed());
    found
}

async fn fingerprints_of(db: &Db, group: &[Tenant]) -> anyhow::Result<HashMap<SchemaName, String>> {
    let schemas: Vec<SchemaName> = group.iter().map(|tenant| tenant.schema.clone()).collect();
    let mut session = db.direct().await?;
    let found = blueprint::fingerprints(&mut session, &schemas).await?;
    // Who may only read gets the answer all the same.
    if let Err(error) = fingerprints::keep(&session, group, &found).await {
        tracing::debug!("the registry does not keep the fingerprints: {error}");
    }
    Ok(found)
}

/// What tenants should be like, read no further than the fleet asks for.
struct Reference {
    against: Against,
    fingerprint: String,
    mend: Option<DataLoss>,
    lock_timeout: Duration,
    blueprint: OnceCell<Blueprint>,
    replayed: OnceCell<Result<Replayed, ReplayError>>,
}

impl Reference {
    async fn new(
        db: &Db,
        against: Against,
        mend: Option<DataLoss>,
        lock_timeout: Duration,
    ) -> anyhow::Result<Self> {
        let mut session = db.direct().await?;
        let schema = against.schema();
        let fingerprint = blueprint::fingerprints(&mut session, std::slice::from_ref(schema))
            .await?
            .remove(schema);
        match fingerprint {
            Some(fingerprint) => Ok(Self {
                against,
                fingerprint,
                mend,
                lock_timeout,
                blueprint: OnceCell::new(),
                replayed: OnceCell::new(),
            }),
            None => Err(match against {
                Against::Template(schema) => OriginalError::NoTemplate(schema).into(),
                Against::Tenant(schema) => SchemaMissing(schema).into(),
            }),
        }
    }

    async fn blueprint(&self, db: &Db) -> anyhow::Result<&Blueprint> {
        self.blueprint
            .get_or_try_init(async || read(db, self.against.schema(), &self.fingerprint).await)
            .await
    }

    /// Reads a schema whose fingerprint differs and says how it departs.
    async fn compare(&self, db: &Db, schema: &SchemaName, fingerprint: &str) -> anyhow::Result<Drift> {
        let expected = self.blueprint(db).await?;
        let found = read(db, schema, fingerprint).await?;
        let same = match expected.needs_replay(&found) {
            true => self.same(db, expected, &found).await?,
            false => Same::default(),
        };
        let differences = expected.differences(&found, &same);
        let mend = match self.mend {
            Some(loss) if !differences.is_empty() => Some(expected.mend(&found, &same, loss)?),
            _ => None,
        };
        Ok(Drift { differences, mend })
    }

    /// Where a schema cannot be made anew, as by a role that may only read, texts decide.
    async fn same(&self, db: &Db, expected: &Blueprint, found: &Blueprint) -> anyhow::Result<Same> {
        let replay = async |blueprint: &Blueprint| -> anyhow::Result<_> {
            let mut session = db.direct().await?;
            match blueprint.replay(&mut session, self.lock_timeout).await {
                Err(error) if !error.stays() => Err(error.into()),
                replayed => Ok(replayed),
            }
        };
        let of_expected = self
            .replayed
            .get_or_try_init(async || replay(expected).await)
            .await?;
        let of_found = match of_expected {
            Ok(_) => replay(found).await?,
            Err(_) => return Ok(by_text(expected.schema(), of_expected.as_ref().err())),
        };
        Ok(match (of_expected, &of_found) {
            (Ok(of_expected), Ok(of_found)) => expected.same(found, of_expected, of_found),
            _ => by_text(found.schema(), of_found.as_ref().err()),
        })
    }
}

/// Reads a schema, which is to have this fingerprint still: what is found counts for all that have it.
async fn read(db: &Db, schema: &SchemaName, fingerprint: &str) -> anyhow::Result<Blueprint> {
    let mut session = db.direct().await?;
    let found = blueprint::read(&mut session, None, schema).await?;
    let now = blueprint::fingerprints(&mut session, std::slice::from_ref(schema)).await?;
    let is_same = now.get(schema).is_some_and(|now| now == fingerprint);
    if !is_same || !blueprint::is_unchanged(&mut session, &found).await? {
        return Err(ReadError::Changing(schema.clone()).into());
    }
    Ok(found)
}

fn by_text(schema: &SchemaName, error: Option<&ReplayError>) -> Same {
    if let Some(error) = error {
        tracing::info!("definitions in `{schema}` are compared by their texts: {error}");
    }
    Same::default()
}

/// What is known of schemas by their fingerprints.
#[derive(Default)]
struct Drifts(Mutex<HashMap<String, Arc<OnceCell<Arc<Drift>>>>>);

impl Drifts {
    async fn find(
        &self,
        fingerprint: &str,
        compare: impl AsyncFnOnce() -> anyhow::Result<Drift>,
    ) -> anyhow::Result<Arc<Drift>> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(fingerprint.to_owned()).or_default())
        };
        let drift = cell.get_or_try_init(async || Ok::<_, anyhow::Error>(Arc::new(compare().await?)));
        Ok(Arc::clone(drift.await?))
    }
}
