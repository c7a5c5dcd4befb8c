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

use anyhow::Context as _;
use jiff::Timestamp;

use self::archive::Archives;
pub use self::pace::Limits;
use self::pace::Pace;
pub use self::place::legal_hold;
use self::place::{Halt, Place};
pub use self::policy::{Rule, Unfit};
use self::shape::Shape;
use self::shapes::Shapes;
use self::statement::Job;
pub use self::taken::{Amount, Taken};
use self::work::Work;
use super::exec;
use super::log::{Doubt, Entry, Ran};
use crate::db::{self, Db, LockHeld, LockName, SchemaName, Session, SessionError, TenantOptions};
use crate::fleet::{self, Answer, Observer, Plan, Report, Stop};
use crate::tenant::{RegistryError, Slug, Tenant};

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

/// A policy that would take more of a table than it may.
#[derive(Debug, thiserror::Error)]
#[error(
    "policy `{policy}` would take {due} of {total} rows of `{table}`, more than the {share} % that go without `--yes`"
)]
pub struct TooMuch {
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
        "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0; \
         SELECT pg_try_advisory_xact_lock({})",
        lock.key()
    );
    let (transaction, answers) = keeper.begin(&opening).await?;
    let is_ours = answers
        .last()
        .and_then(|answer| answer.rows.first()?.first()?.as_deref())
        == Some("t");
    if !is_ours {
        let holder = lock.holder(&transaction).await?;
        transaction.rollback().await.ok();
        return Err(LockHeld::new(lock, holder).into());
    }
    let cleaned = async {
        let session = db.direct().await?;
        // With the lock held here, a run that the log takes for one under way was killed.
        request.log.close_abandoned(&session).await?;
        let operation = request.log.begin(&session).await?;
        drop(session);
        match run_locked(db, request, stop, observer).await {
            Ok(mut cleaned) => {
                let Ran { report, doubt } = operation.conclude(db, cleaned.report).await;
                cleaned.report = report;
                cleaned.doubt = doubt;
                Ok(cleaned)
            }
            Err(error) => {
                if let Ok(session) = db.direct().await {
                    operation.fail(&session).await.ok();
                }
                Err(error)
            }
        }
    }
    .await;
    // A connection that is still there has seen no crash since the run began.
    let released = transaction.rollback().await;
    cleaned.map(|mut cleaned| {
        cleaned.doubt = cleaned.doubt.or(released.err().map(Doubt::KeeperLost));
        cleaned
    })
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
            db::OpenTenantError::SchemaMissing(schema) => CleanupError::NoTemplate(schema),
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
async fn in_turn(session: &Session, mut tenants: Vec<Tenant>) -> Result<Vec<Tenant>, db::Error> {
    const STATEMENT: &str = "SELECT tenant_id::text, extract(epoch FROM reached_at)::float8 \
                             FROM public.tenant_cleanups";
    let rows = session.query(STATEMENT, &[]).await?;
    let reached: HashMap<String, f64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let when = |tenant: &Tenant| reached.get(&tenant.id.to_string()).copied().unwrap_or(0.0);
    // Sorting keeps those in their order that were never reached.
    tenants.sort_by(|one, other| when(one).total_cmp(&when(other)));
    Ok(tenants)
}

/// What all tenants of a run have in common.
struct Run<'a> {
    db: &'a Db,
    request: &'a Request,
    rules: Vec<Rule>,
    shapes: Shapes,
    now: Timestamp,
    pace: Pace<'a>,
    /// The run's own part of archives' names.
    name: String,
    taken: RefCell<BTreeMap<Slug, Vec<Taken>>>,
    not_reached: RefCell<BTreeSet<Slug>>,
}

impl Run<'_> {
    async fn tenant(&self, tenant: &Tenant) -> anyhow::Result<Answer<()>> {
        if self.pace.is_over() {
            self.not_reached.borrow_mut().insert(tenant.slug.clone());
            return Ok(Answer::Done(()));
        }
        if let Some(hold) = legal_hold(&tenant.metadata) {
            return Ok(Answer::Skip(hold));
        }
        let result = self.clean(tenant).await;
        let Err(error) = result else {
            return Ok(Answer::Done(()));
        };
        if let Some(halt @ (Halt::Gone | Halt::Held)) = error.downcast_ref::<Halt>() {
            return Ok(Answer::Skip(halt.to_string()));
        }
        match self.db.direct().await {
            Ok(session) if exec::is_gone(&session, tenant).await.unwrap_or(false) => {
                Ok(Answer::Skip(Halt::Gone.to_string()))
            }
            _ => Err(error),
        }
    }

    async fn clean(&self, tenant: &Tenant) -> anyhow::Result<()> {
        let mut session = self.db.direct().await?.unlimited();
        let place = Place::new(tenant, &self.request.options);
        let shape = self.shapes.of(&session, &tenant.schema).await?;
        let mut jobs = Vec::new();
        for rule in &self.rules {
            if let Some(window) = rule.window(self.now, &tenant.plan) {
                jobs.push(Job::new(rule, &shape, &tenant.schema, window)?);
            }
        }
        let archives = match (&self.request.archive_dir, self.request.dry_run) {
            (Some(folder), false) if jobs.iter().any(|job| job.rule.archives()) => {
                Some(Archives::open(&mut session, folder, &self.name, tenant).await?)
            }
            _ => None,
        };
        let mut work = Work {
            db: self.db,
            place: &place,
            session,
            pace: &self.pace,
            archives,
        };
        if self.request.dry_run {
            let mut taken = preview::of(&work, &jobs).await?;
            for (job, taken) in jobs.iter().zip(&mut taken) {
                match self.check_share(&work, job, taken.own.rows).await {
                    Err(error) if error.is::<TooMuch>() => taken.needs_yes = true,
                    other => other?,
                }
            }
            self.taken.borrow_mut().insert(tenant.slug.clone(), taken);
            return Ok(());
        }
        self.take_all(&mut work, &jobs, tenant).await?;
        if let Some(archives) = &work.archives {
            archives.close(&work.session).await?;
        }
        if self.request.vacuum {
            self.vacuum(&work, &shape, tenant).await?;
        }
        Ok(())
    }

    async fn take_all(&self, work: &mut Work<'_>, jobs: &[Job<'_>], tenant: &Tenant) -> anyhow::Result<()> {
        let places: Vec<(&Job<'_>, &shape::Unit)> = jobs
            .iter()
            .flat_map(|job| job.table.units.iter().map(move |unit| (job, unit)))
            .collect();
        let found = work.survey_all(Some(reached(tenant)), &places).await;
        if found.is_err() {
            // It was undone with what was surveyed.
            work.try_change(&reached(tenant)).await.ok();
        }
        let mut found = found?.into_iter();
        let mut surveys = Vec::new();
        for job in jobs {
            let units: Vec<_> = job.table.units.iter().zip(found.by_ref()).collect();
            let due = units.iter().map(|(_, due)| due.rows).sum();
            self.check_share(work, job, due).await?;
            surveys.push(units);
        }
        for (job, units) in jobs.iter().zip(surveys) {
            let started = Instant::now();
            let mut taken = Taken::nothing(job);
            taken.kept = units.iter().map(|(_, due)| due.kept).sum();
            let result = self.take(work, job, units, &mut taken).await;
            taken.elapsed = started.elapsed();
            let mut all = self.taken.borrow_mut();
            let of_tenant = all.entry(tenant.slug.clone()).or_default();
            of_tenant.push(taken);
            result.with_context(|| format!("policy `{}`", job.rule.name()))?;
        }
        Ok(())
    }

    async fn take(
        &self,
        work: &mut Work<'_>,
        job: &Job<'_>,
        units: Vec<(&shape::Unit, survey::Due)>,
        taken: &mut Taken,
    ) -> anyhow::Result<()> {
        let units = work.whole_partitions(job, units, taken).await?;
        for (unit, due) in units {
            if self.pace.is_over() {
                taken.left += due.rows;
                continue;
            }
            if due.rows > 0 {
                work.take(job, unit, due, taken).await?;
            }
        }
        Ok(())
    }

    /// Whether these are more rows of a table than may go.
    async fn check_share(&self, work: &Work<'_>, job: &Job<'_>, due: u64) -> anyhow::Result<()> {
        let Some(limit) = self.request.limits.max_fraction else {
            return Ok(());
        };
        let limit = job.rule.settings.max_fraction.unwrap_or(limit);
        if due == 0 || limit >= 1.0 {
            return Ok(());
        }
        let total = work.total(&job.table.units).await?;
        if due as f64 <= limit * total {
            return Ok(());
        }
        Err(TooMuch {
            policy: job.rule.name().to_owned(),
            table: job.table.name.clone(),
            due,
            total: total as u64,
            share: limit * 100.0,
        }
        .into())
    }

    /// Makes the room of rows that went free for others.
    async fn vacuum(&self, work: &Work<'_>, shape: &Shape, tenant: &Tenant) -> anyhow::Result<()> {
        let tables: BTreeSet<String> = {
            let all = self.taken.borrow();
            let taken = all.get(&tenant.slug).into_iter().flatten();
            let with_rows = taken.filter(|taken| taken.all().rows > 0);
            with_rows
                .flat_map(|taken| std::iter::once(&taken.table).chain(taken.along.keys()))
                .cloned()
                .collect()
        };
        for table in shape.tables.iter().filter(|table| tables.contains(&table.name)) {
            if self.pace.is_over() {
                break;
            }
            work.session
                .script(&format!("VACUUM (ANALYZE, SKIP_LOCKED) {}", table.full_name))
                .await
                .with_context(|| format!("vacuuming {}", table.full_name))?;
        }
        Ok(())
    }
}

/// Writes down that the tenant's turn came, whatever comes of it: one that takes all the time of every run must not keep
/// the others from theirs.
fn reached(tenant: &Tenant) -> String {
    const STATEMENT: &str = "INSERT INTO public.tenant_cleanups (tenant_id, reached_at) \
                             SELECT id, clock_timestamp() FROM public.tenants WHERE id = $1 \
                             ON CONFLICT (tenant_id) DO UPDATE SET reached_at = EXCLUDED.reached_at";
    db::with_constants(STATEMENT, &[Some(&tenant.id.to_string())])
}
