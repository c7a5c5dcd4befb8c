//! Retention: rows that are older than their policy allows go, in batches that keep nobody waiting.
//!
//! A policy becomes a `statement::Job` in each tenant, by what the tenant's own catalogs say. A look at the table
//! tells where due rows are; then each batch is one message, which is one transaction, over the next blocks that have
//! some. What is behind is never read again.

mod archive;
mod graph;
mod pace;
mod partitions;
mod place;
mod policy;
mod preview;
mod range;
mod run;
mod shape;
mod shapes;
mod statement;
mod survey;
mod taken;
mod work;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use self::pace::Limits;
use self::pace::Pace;
pub use self::place::{Halt, legal_hold};
pub use self::policy::{Rule, Unfit};
use self::run::Run;
use self::shape::Shape;
use self::shapes::Shapes;
use self::statement::Job;
pub use self::taken::{Amount, Taken};
use super::log::{Doubt, Entry};
use crate::db::{
    self, Db, Hold, LockHeld, LockName, NO_TRANSACTION_LIMIT, SchemaName, Session, SessionError,
    TenantOptions,
};
use crate::fleet::{self, Observer, Plan, Report, Stop};
use crate::tenant::{RegistryError, Slug, Tenant};
use crate::words::{count, grouped};

/// What to clean, and how.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<Tenant>,
    pub rules: Vec<Rule>,
    /// The schema against which the policies are checked.
    pub template: SchemaName,
    pub options: TenantOptions,
    pub limits: Limits,
    pub archive_dir: Option<PathBuf>,
    pub plan: Plan,
    pub dry_run: bool,
    pub vacuum: bool,
    pub log: Entry,
}

/// How a run fared.
#[derive(Debug)]
pub struct Cleanup {
    /// The server's clock, from which all windows are counted.
    pub now: Timestamp,
    pub report: Report<()>,
    /// What was taken from each tenant, those included whose run failed later.
    pub taken: BTreeMap<Slug, Vec<Taken>>,
    /// Tenants whose turn did not come in the time that was given.
    pub not_reached: BTreeSet<Slug>,
    pub elapsed: Duration,
    /// The longest transaction.
    pub longest: Duration,
    pub doubt: Option<Doubt>,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum CleanupError {
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("schema `{0}`, against which policies are checked, does not exist")]
    NoTemplate(SchemaName),
    #[error("{0}")]
    Unfit(#[from] Unfit),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Sql(#[from] db::Error),
    #[error("reading the template's catalogs: {0:#}")]
    Catalogs(anyhow::Error),
}

impl CleanupError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unfit(_) => Some("policies are checked against the template; nothing was changed"),
            Self::NoTemplate(_) => Some("run `tenantctl init`"),
            _ => None,
        }
    }

    /// Whether it will fail again unchanged.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Unfit(_) | Self::NoTemplate(_))
    }
}

/// Policies that would take more of a table than they may. Their rows stay.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct TooMuch(Vec<Excess>);

/// What one of them would take.
#[derive(Debug, thiserror::Error)]
#[error(
    "policy `{policy}` would take {} of {} of `{table}`, more than the {share} % that go without `--yes`",
    grouped(*due),
    count(*total, "row")
)]
struct Excess {
    policy: String,
    table: String,
    due: u64,
    total: u64,
    share: f64,
}

impl TooMuch {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        Some(
            "look with `--dry-run`; pass `--yes` if it is right, or give the policy a `max_fraction` of its own",
        )
    }
}

/// Cleans the tenants, those first that were reached the longest ago.
pub async fn run(
    db: &Db,
    request: &Request,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Cleanup, CleanupError> {
    if request.dry_run {
        return run_locked(db, request, stop, observer).await;
    }
    // As long as this transaction is open nobody else cleans. It has no snapshot, so it keeps nothing from vacuum.
    let mut keeper = db.apart(&[]).await?;
    let lock = LockName::Cleanup;
    let opening = format!(
        "BEGIN; {NO_TRANSACTION_LIMIT}; SET LOCAL statement_timeout = 0; \
         SELECT {}",
        lock.tried(Hold::Alone)
    );
    let (transaction, answers) = keeper.begin(&opening).await?;
    if !db::is_so(&answers, 0) {
        let held = lock.held(&transaction).await?;
        transaction.rollback().await.ok();
        return Err(held.into());
    }
    let work = async |_| run_locked(db, request, stop, observer).await;
    let logged = request
        .log
        .alone(db, transaction, work, |cleaned| &cleaned.report);
    let (cleaned, doubt) = logged.await?;
    Ok(Cleanup { doubt, ..cleaned })
}

async fn run_locked(
    db: &Db,
    request: &Request,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Cleanup, CleanupError> {
    let started = Instant::now();
    let mut session = db.direct().await?.unlimited();
    let row = session.query_opt("SELECT clock_timestamp()", &[]).await?;
    let now: Timestamp = row.expect("one row").get(0);
    let tables: Vec<String> = request
        .rules
        .iter()
        .map(|rule| rule.settings.table.clone())
        .collect();
    for rule in &request.rules {
        rule.check()?;
    }
    let tenants = in_turn(&session, request.tenants.clone()).await?;
    let turns = tenants.iter().map(|tenant| tenant.schema.clone()).collect();
    let (shapes, shape) = Shapes::with_template(&session, &request.template, turns, tables)
        .await
        .map_err(CleanupError::Catalogs)?;
    let ordered = check(&mut session, request, &shape, now).await?;
    drop(session);
    let run = Run {
        db,
        request,
        rules: ordered,
        shapes,
        now,
        pace: Pace::new(request.limits, stop),
        name: now.strftime("%Y%m%dT%H%M%S%.6fZ").to_string().replace('.', ""),
        taken: RefCell::default(),
        not_reached: RefCell::default(),
    };
    let report = fleet::run(tenants, request.plan, stop, observer, async |tenant: &Tenant| {
        run.tenant(tenant).await
    })
    .await;
    Ok(Cleanup {
        now,
        report,
        longest: run.pace.longest(),
        taken: run.taken.into_inner(),
        not_reached: run.not_reached.into_inner(),
        elapsed: started.elapsed(),
        doubt: None,
    })
}

/// Holds the policies against the template, and answers with them in the order in which they run.
async fn check(
    session: &mut Session,
    request: &Request,
    shape: &Shape,
    now: Timestamp,
) -> Result<Vec<Rule>, CleanupError> {
    let template = &request.template;
    let options = TenantOptions {
        access: db::Access::ReadOnly,
        ..request.options.clone()
    };
    let (transaction, exists) = session
        .lock_tenant_after("", template, &options)
        .await
        .map_err(|error| match error {
            db::OpenTenantError::Locked(held) => CleanupError::Locked(held),
            db::OpenTenantError::SchemaMissing(missing) => CleanupError::NoTemplate(missing.0),
            db::OpenTenantError::Sql(error) => error.into(),
        })?;
    if !exists {
        transaction.rollback().await?;
        return Err(CleanupError::NoTemplate(template.clone()));
    }
    for rule in &request.rules {
        let job = Job::new(rule, shape, template, (0, now))?;
        for statement in job.samples() {
            if let Err(error) = transaction.text_query(&format!("EXPLAIN {statement}")).await {
                let error = match error.lies_in_the_statement() && !error.is_denied() {
                    true => Unfit::Refused {
                        policy: rule.name().to_owned(),
                        reason: error.to_string(),
                    }
                    .into(),
                    false => error.into(),
                };
                transaction.rollback().await.ok();
                return Err(error);
            }
        }
    }
    transaction.rollback().await?;
    Ok(graph::in_order(&request.rules, shape)
        .into_iter()
        .cloned()
        .collect())
}

/// The tenants with those first that a cleanup has not come to for the longest time.
async fn in_turn(session: &Session, mut tenants: Vec<Tenant>) -> Result<Vec<Tenant>, RegistryError> {
    const STATEMENT: &str = "SELECT tenant_id::text, extract(epoch FROM reached_at)::float8 \
                             FROM public.tenant_cleanups";
    let rows = session
        .query(STATEMENT, &[])
        .await
        .map_err(RegistryError::of_later_table)?;
    let reached: HashMap<String, f64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let when = |tenant: &Tenant| reached.get(&tenant.id.to_string()).copied().unwrap_or(0.0);
    // Sorting keeps those in their order that were never reached.
    tenants.sort_by(|one, other| when(one).total_cmp(&when(other)));
    Ok(tenants)
}
