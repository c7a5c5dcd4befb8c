//! Bringing registry, template and tenants forward: first those, then a few canaries, then everybody else.

mod check;
mod order;
mod survey;
mod watch;

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

use super::forward::{Course, How, Moved, Place, forward};
use super::init::{self, InitError};
use super::log::{Doubt, Entry, Operation};
use super::rehearse;
use super::roles;
use super::template::{self, TemplateError};
use crate::db::migrator::{Applied, History, Migrations, UnfitMigration};
use crate::db::{
    self, Db, Hold, LockHeld, LockName, NO_TRANSACTION_LIMIT, RoleName, SessionError, Transaction,
};
use crate::fleet::{self, Answer, Event, Observer, OnError, Plan, Report, Stop};
use crate::tenant::{RegistryError, Selection, SelectionError, Slug, Tenant, registry};

pub use self::check::CheckFailed;
pub use self::survey::{Closer, Survey, look_at_template, look_closer, survey};

/// From how many tenants on a run begins with a canary when nobody says how many.
const WORTH_A_CANARY: usize = 11;

/// What to bring forward, and how.
#[derive(Debug)]
pub struct Request {
    pub registry: Migrations,
    pub template: template::Request,
    pub selection: Selection,
    pub how: How,
    /// Who is granted what belongs to it of a registry that has grown, where the roles were set up for the database.
    pub operator: RoleName,
    /// How many tenants go before all others.
    pub canaries: Option<usize>,
    /// A query that is asked in each canary; a false answer ends the run.
    pub check_sql: Option<String>,
    pub plan: Plan,
    /// How long another run may hold the lock; zero does not wait.
    pub lock_wait: Duration,
    pub log: Entry,
}

/// How a run fared.
#[derive(Debug)]
pub struct Rollout {
    pub registry: Applied,
    pub template: Moved,
    /// Those that were behind.
    pub tenants: Report<Moved>,
    /// How many were at the version already.
    pub current: usize,
    /// Why the run ended after its canaries.
    pub canaries_failed: Option<anyhow::Error>,
    pub doubt: Option<Doubt>,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Unfit(#[from] UnfitMigration),
    #[error("no file has version {0}")]
    UnknownVersion(i64),
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("{0}")]
    Init(#[from] InitError),
    #[error("{0}")]
    Template(#[from] TemplateError),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Selection(#[from] SelectionError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl Rollout {
    /// The tenants to which something was applied.
    pub fn moved(&self) -> impl Iterator<Item = (&Slug, &Moved)> {
        self.tenants.done().filter(|(_, moved)| !moved.applied.is_empty())
    }

    /// How many were at the version, by the registry or by their own history.
    pub fn up_to_date(&self) -> usize {
        self.current + self.tenants.counts().done - self.moved().count()
    }

    /// How many the registry had wrong with nothing to apply.
    pub fn corrected(&self) -> usize {
        self.tenants.done().filter(|(_, moved)| moved.corrected).count()
    }
}

impl RolloutError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnknownVersion(_) => Some("`tenantctl status` shows the versions of the files"),
            Self::Unfit(_) => Some("tenants are migrated in transactions that tenantctl begins and ends"),
            _ => None,
        }
    }

    /// Whether it will fail again unchanged, whatever the database is like.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Unfit(_) | Self::UnknownVersion(_))
    }
}

impl Request {
    /// The version that everything is to have.
    pub fn target(&self) -> Option<i64> {
        self.how.to.or(self.template.migrations.latest())
    }

    /// Finds what is wrong with the request itself.
    pub fn check(&self) -> anyhow::Result<()> {
        let files = &self.template.migrations;
        for version in [self.how.to, self.how.baseline].into_iter().flatten() {
            if !files.has(version) {
                return Err(RolloutError::UnknownVersion(version).into());
            }
        }
        Ok(())
    }

    /// Finds files that would do harm among those that the survey has found to be pending.
    pub fn check_pending(&self, survey: &Survey) -> Result<(), UnfitMigration> {
        let How { fake, baseline, .. } = self.how;
        let files = &self.template.migrations;
        let of_template = match &survey.template {
            Some(standing) => standing.pending.clone(),
            None => {
                files
                    .standing(&History::default())
                    .up_to(self.how.to, files)
                    .pending
            }
        };
        let of_tenants = survey.behind.iter().flat_map(|(_, standing)| &standing.pending);
        let names: HashSet<&String> = of_template.iter().chain(of_tenants).collect();
        if fake {
            return Ok(());
        }
        files.check(|name| names.contains(name), baseline)
    }
}

/// Brings everything forward that is behind. Expects that a survey has found something to do.
pub async fn run(
    db: &Db,
    request: &Request,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Rollout, RolloutError> {
    let mut keeper = db.apart(&[]).await?;
    let lock = LockName::Migrations;
    let opening = format!(
        "BEGIN; {NO_TRANSACTION_LIMIT}; SET LOCAL statement_timeout = 0; \
         SET LOCAL lock_timeout = {}; SELECT {}",
        db::limit_in_ms(request.lock_wait),
        lock.taken(Hold::Alone)
    );
    let transaction = match keeper.begin(&opening).await {
        Ok((transaction, _)) => transaction,
        Err(error) if error.is_transient() => {
            return Err(lock.held(&keeper).await?.into());
        }
        Err(error) => return Err(error.into()),
    };
    run_locked(db, request, transaction, stop, observer).await
}

/// Does it all, with the transaction that keeps other runs away.
async fn run_locked(
    db: &Db,
    request: &Request,
    keeper: Transaction<'_>,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Rollout, RolloutError> {
    // Those who create tenants hold the template's lock for moments.
    let patience = request.lock_wait.max(request.how.options.lock_timeout);
    let registry = init::bring_up_registry(db, &request.registry, patience, false).await?;
    if !registry.applied.is_empty() {
        let session = db.direct().await?;
        roles::complete(&session, &request.operator, &request.template.schema).await?;
    }
    if let Err(error) = rehearse::remove_leftovers(db, request.how.options.lock_timeout).await {
        // Nobody's work depends on it.
        tracing::warn!("what an interrupted rehearsal has left could not be removed: {error}");
    }
    let work = async |operation| {
        let run = Run {
            db,
            request,
            course: Course::new(&request.template.migrations, &request.how),
            operation,
            stop,
            patience,
        };
        run.template_and_tenants(registry, observer).await
    };
    let logged = request.log.alone(db, keeper, work, |rollout| &rollout.tenants);
    let (rollout, doubt) = logged.await?;
    Ok(Rollout { doubt, ..rollout })
}

/// What all parts of a run have in common.
struct Run<'a> {
    db: &'a Db,
    request: &'a Request,
    course: Course<'a>,
    operation: Operation,
    stop: &'a Stop,
    /// How long to wait for the registry and the template.
    patience: Duration,
}

impl Run<'_> {
    async fn template_and_tenants(
        &self,
        registry: Applied,
        observer: &mut dyn Observer,
    ) -> Result<Rollout, RolloutError> {
        let Self { db, request, .. } = self;
        let template = template::forward(db, &request.template, &request.how, self.patience).await?;

        // Tenants that were made from the template as it was are all there by now: `create` holds its lock meanwhile.
        let session = db.direct().await?;
        let (behind, current) = survey::behind(&session, request).await?;
        let order = order::of(&session, behind).await?;
        drop(session);
        observer.observe(&Event::Planned { tenants: order.len() });
        let (tenants, canaries_failed) = self.roll_out(order, observer).await;
        Ok(Rollout {
            registry,
            template,
            tenants,
            current,
            canaries_failed,
            doubt: None,
        })
    }

    /// Canaries, and the others unless one of those failed; then the second value says why.
    async fn roll_out(
        &self,
        order: Vec<Tenant>,
        observer: &mut dyn Observer,
    ) -> (Report<Moved>, Option<anyhow::Error>) {
        let Self { db, request, .. } = self;
        // A check is asked of somebody.
        let worth = order.len() >= WORTH_A_CANARY || request.check_sql.is_some();
        let wanted = request.canaries.unwrap_or(usize::from(worth));
        let (canaries, rest) = order::split(order, wanted);
        let first = self.bring(canaries.clone(), OnError::Stop, observer).await;
        let failed = match &request.check_sql {
            _ if first.counts().failed > 0 => (!rest.is_empty()).then(|| CheckFailed::Migration.into()),
            Some(check) if !first.interrupted => {
                let moved = canaries
                    .iter()
                    .filter(|tenant| first.done().any(|(slug, _)| *slug == tenant.slug));
                check::all(db, &request.how, check, moved).await.err()
            }
            _ => None,
        };
        let others = if failed.is_some() || rest.is_empty() || first.interrupted {
            Report::of_not_started(rest.into_iter().map(|tenant| tenant.slug))
        } else {
            self.bring(rest, request.plan.on_error, observer).await
        };
        (first.and(others), failed)
    }

    /// Brings these tenants forward, each by itself.
    async fn bring(
        &self,
        tenants: Vec<Tenant>,
        on_error: OnError,
        observer: &mut dyn Observer,
    ) -> Report<Moved> {
        let plan = Plan {
            on_error,
            ..self.request.plan
        };
        let shared = RefCell::new(observer);
        let mut shown = Shared(&shared);
        let limit = self.request.how.options.lock_timeout;
        tokio::select! {
            report = fleet::run(tenants, plan, self.stop, &mut shown, async |tenant: &Tenant| self.bring_one(tenant).await) => report,
            never = watch::blockers(self.db, limit, &shared) => match never {},
        }
    }

    async fn bring_one(&self, tenant: &Tenant) -> anyhow::Result<Answer<Moved>> {
        let place = Place {
            schema: &tenant.schema,
            tenant: Some(tenant),
            operation: Some(self.operation),
        };
        match forward(self.db, place, &self.course).await {
            Ok(moved) => Ok(Answer::Done(moved)),
            Err(error) if is_gone(self.db, tenant).await => {
                tracing::debug!("{error}");
                Ok(Answer::Skip("it was dropped meanwhile".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether somebody has dropped the tenant, which explains every other error.
async fn is_gone(db: &Db, tenant: &Tenant) -> bool {
    match db.direct().await {
        Ok(session) => registry::is_gone(&session, tenant).await.unwrap_or(false),
        Err(_) => false,
    }
}

/// An observer that two tell what happens.
struct Shared<'a, 'b>(&'a RefCell<&'b mut dyn Observer>);

impl Observer for Shared<'_, '_> {
    fn observe(&mut self, event: &Event) {
        self.0.borrow_mut().observe(event);
    }
}
