//! The operation log: who did what to which tenants, when, and how it ended.
//!
//! What is done to a tenant and its line in the log are one transaction, so that the log is right whenever the
//! program is killed.

use std::error::Error;
use std::time::Duration;

use anyhow::Chain;
use serde_json::Value;

use crate::db::{self, Db, Session, SessionError, Transaction, Type, with_constants};
use crate::exit::ExitStatus;
use crate::fleet::{Outcome, Report, TenantReport, causes, words};
use crate::tenant::Slug;

/// What the log says of a run before it has begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The command's name, such as `create`.
    pub command: &'static str,
    /// What was asked for; never a secret, never SQL with constants in it.
    pub details: Value,
    /// Who runs it, such as `deploy@build-7`.
    pub actor: String,
}

/// A run that the log knows of.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    id: i64,
}

/// What came of a run that the log knows of.
#[derive(Debug)]
pub struct Ran<T> {
    pub report: Report<T>,
    pub doubt: Option<Doubt>,
}

/// Why it is not certain that everybody will know how a run ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Doubt {
    #[error("the operation log does not say how this run ended: {0}")]
    Unlogged(String),
    /// Commits that do not wait for the disk are undone by a crash, and nobody would have noticed.
    #[error(
        "the connection that kept other runs away was lost, and nobody knows whether this run's end will last"
    )]
    KeeperLost(#[source] db::Error),
}

impl Doubt {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unlogged(_) => None,
            Self::KeeperLost(_) => Some(
                "if the server has crashed, the last of what this run did is undone; run it again to be sure",
            ),
        }
    }
}

impl<T> Ran<T> {
    /// A run with no tenants, which nobody wants to read of.
    pub fn of_nobody() -> Self {
        Self::of_not_started([])
    }

    /// A run that never began, and of which the log has nothing.
    pub fn of_not_started(slugs: impl IntoIterator<Item = Slug>) -> Self {
        Self {
            report: Report::of_not_started(slugs),
            doubt: None,
        }
    }
}

impl Entry {
    /// Logs a run that is about one tenant only and ends with the caller's transaction.
    pub async fn record_in_tx(&self, session: &Session, slug: &Slug) -> Result<(), db::Error> {
        session
            .execute(
                include_str!("sql/log_one_tenant.sql"),
                &[
                    (&self.command, Type::TEXT),
                    (&self.details, Type::JSONB),
                    (&self.actor, Type::TEXT),
                    (&slug.as_str(), Type::TEXT),
                ],
            )
            .await?;
        Ok(())
    }

    /// The same as SQL for a message that holds more.
    pub fn record_sql(&self, slug: &Slug) -> String {
        let details = self.details.to_string();
        with_constants(
            include_str!("sql/log_one_tenant.sql"),
            &[
                Some(self.command),
                Some(&details),
                Some(&self.actor),
                Some(slug.as_str()),
            ],
        )
    }

    /// Logs a run of which there is one at a time, from its beginning to its end. The transaction `keeper` keeps all
    /// others away, and `report` tells of what the work answers how the tenants fared.
    pub(super) async fn alone<T, R, E>(
        &self,
        db: &Db,
        keeper: Transaction<'_>,
        work: impl AsyncFnOnce(Operation) -> Result<T, E>,
        report: impl FnOnce(&T) -> &Report<R>,
    ) -> Result<(T, Option<Doubt>), E>
    where
        E: From<SessionError> + From<db::Error>,
    {
        let session = db.direct().await?;
        // What the log takes for a run under way was killed.
        self.close_abandoned(&session).await?;
        let operation = self.begin(&session).await?;
        drop(session);
        match work(operation).await {
            Ok(done) => {
                let doubt = operation.conclude_with(keeper, db, report(&done)).await;
                Ok((done, doubt))
            }
            Err(error) => {
                if let Ok(session) = db.direct().await {
                    operation.fail(&session).await.ok();
                }
                Err(error)
            }
        }
    }

    /// Logs whom a run did not get done that logs each tenant by itself. Nobody's work depends on it.
    pub(super) async fn record_failures<T>(&self, db: &Db, report: &Report<T>) {
        let is_not_done =
            |tenant: &&TenantReport<T>| matches!(tenant.outcome, Outcome::Failed(_) | Outcome::NotStarted);
        let lines: Vec<Line> = report.tenants.iter().filter(is_not_done).map(Line::of).collect();
        self.record(db, outcome_word(report.exit_status()), lines).await;
    }

    /// The same for work on one tenant.
    pub(super) async fn record_failure(&self, db: &Db, slug: &Slug, error: &(dyn Error + 'static)) {
        let line = Line {
            slug: slug.to_string(),
            outcome: "failed",
            message: Some(words_without_data(error)),
            elapsed: Duration::ZERO,
        };
        self.record(db, "failed", vec![line]).await;
    }

    async fn record(&self, db: &Db, outcome: &str, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        let recorded = async {
            let mut session = db.session().await?;
            let (transaction, _) = session.begin("BEGIN; SET LOCAL lock_timeout = '5s'").await?;
            let operation = self.begin(&transaction).await?;
            operation.write(&transaction, outcome, lines.into_iter()).await?;
            anyhow::Ok(transaction.commit().await?)
        };
        if let Err(error) = recorded.await {
            tracing::debug!("the operation log does not say what failed: {error:#}");
        }
    }

    /// Logs that runs of this command were interrupted, when the caller knows that none is under way.
    async fn close_abandoned(&self, session: &Session) -> Result<(), db::Error> {
        const STATEMENT: &str = "UPDATE public.tenant_operations \
                                 SET outcome = 'interrupted', finished_at = clock_timestamp() \
                                 WHERE command = $1 AND outcome = 'running'";
        session.execute(STATEMENT, &[(&self.command, Type::TEXT)]).await?;
        Ok(())
    }

    /// Logs that a run over many tenants begins.
    pub async fn begin(&self, session: &Session) -> Result<Operation, db::Error> {
        const STATEMENT: &str = "INSERT INTO public.tenant_operations (command, details, actor) \
                                 VALUES ($1, $2, $3) RETURNING id";
        let row = session
            .query_opt(
                STATEMENT,
                &[
                    (&self.command, Type::TEXT),
                    (&self.details, Type::JSONB),
                    (&self.actor, Type::TEXT),
                ],
            )
            .await?;
        Ok(Operation {
            id: row.expect("INSERT … RETURNING answers with a row").get(0),
        })
    }
}

impl Operation {
    /// Logs in the tenant's own transaction that its part is done.
    pub async fn done_in_tx(self, transaction: &Transaction<'_>, slug: &Slug) -> Result<(), db::Error> {
        transaction.script(&self.done_sql(slug, None)).await
    }

    /// The same as SQL for a message that holds more.
    pub fn done_sql(self, slug: &Slug, message: Option<&str>) -> String {
        const STATEMENT: &str = "INSERT INTO public.tenant_operation_results \
                                 (operation_id, slug, outcome, message, duration_ms) VALUES ($1, $2, 'done', $3, \
                                 extract(epoch FROM clock_timestamp() - now()) * 1000)";
        with_constants(
            STATEMENT,
            &[Some(&self.id.to_string()), Some(slug.as_str()), message],
        )
    }

    /// Logs that the run failed before it came to any tenant.
    async fn fail(self, session: &Session) -> Result<(), db::Error> {
        const STATEMENT: &str = "UPDATE public.tenant_operations SET outcome = 'failed', \
                                 finished_at = clock_timestamp() WHERE id = $1";
        session.execute(STATEMENT, &[(&self.id, Type::INT8)]).await?;
        Ok(())
    }

    /// Logs how the run ended, with which the run is over.
    pub async fn conclude<T>(self, db: &Db, report: Report<T>) -> Ran<T> {
        let logged = async {
            let session = db.session().await?;
            Ok(self.finish(&session, &report).await?)
        };
        let doubt = logged.await.err().map(|error| Doubt::Unlogged(words(&error)));
        Ran { report, doubt }
    }

    /// Logs how the run ended, in the transaction that has kept others away: while its connection is there the server has
    /// seen no crash, and its commit waits for the disk with all that was done before. Otherwise what tenants were told
    /// is done may be undone, and the log must not say so.
    async fn conclude_with<T>(self, keeper: Transaction<'_>, db: &Db, report: &Report<T>) -> Option<Doubt> {
        let ended = match self.finish(&keeper, report).await {
            Ok(()) => keeper.commit().await,
            Err(error) if error.is_connection_lost() => Err(error),
            Err(error) => {
                keeper.rollback().await.ok();
                return Some(Doubt::Unlogged(words(&error.into())));
            }
        };
        let lost = ended.err()?;
        let logged = async { anyhow::Ok(self.doubt(&db.direct().await?, report).await?) };
        if let Err(error) = logged.await {
            tracing::info!("the operation log does not say how this run ended: {error:#}");
        }
        Some(Doubt::KeeperLost(lost))
    }

    /// Logs how the run ended, and the tenants that have no line of their own yet.
    async fn finish<T>(self, session: &Session, report: &Report<T>) -> Result<(), db::Error> {
        let outcome = outcome_word(report.exit_status());
        self.end(session, outcome, report.tenants.iter()).await
    }

    /// Logs that the run failed, when nobody knows whether what was done will last: the tenants have lines that are not
    /// done.
    async fn doubt<T>(self, session: &Session, report: &Report<T>) -> Result<(), db::Error> {
        let tenants = report.tenants.iter();
        let others = tenants.filter(|tenant| !matches!(tenant.outcome, Outcome::Done(_)));
        self.end(session, "failed", others).await
    }

    async fn end<'t, T: 't>(
        self,
        session: &Session,
        outcome_of_run: &str,
        tenants: impl Iterator<Item = &'t TenantReport<T>>,
    ) -> Result<(), db::Error> {
        self.write(session, outcome_of_run, tenants.map(Line::of)).await
    }

    async fn write(
        self,
        session: &Session,
        outcome_of_run: &str,
        lines: impl Iterator<Item = Line>,
    ) -> Result<(), db::Error> {
        let mut slugs = Vec::new();
        let mut outcomes = Vec::new();
        let mut messages = Vec::new();
        let mut durations = Vec::new();
        for line in lines {
            slugs.push(line.slug);
            outcomes.push(line.outcome);
            messages.push(line.message);
            durations.push(i64::try_from(line.elapsed.as_millis()).unwrap_or(i64::MAX));
        }
        session
            .execute(
                include_str!("sql/log_finish.sql"),
                &[
                    (&self.id, Type::INT8),
                    (&outcome_of_run, Type::TEXT),
                    (&slugs, Type::TEXT_ARRAY),
                    (&outcomes, Type::TEXT_ARRAY),
                    (&messages, Type::TEXT_ARRAY),
                    (&durations, Type::INT8_ARRAY),
                ],
            )
            .await?;
        Ok(())
    }
}

/// What the log says of one tenant.
struct Line {
    slug: String,
    outcome: &'static str,
    message: Option<String>,
    elapsed: Duration,
}

impl Line {
    fn of<T>(tenant: &TenantReport<T>) -> Self {
        let (outcome, message) = match &tenant.outcome {
            Outcome::Done(_) => ("done", None),
            Outcome::Skipped(reason) => ("skipped", Some(reason.clone())),
            Outcome::Failed(error) => ("failed", Some(words_without_data(error.as_ref()))),
            Outcome::NotStarted => ("not_started", None),
        };
        Self {
            slug: tenant.slug.to_string(),
            outcome,
            message,
            elapsed: tenant.elapsed,
        }
    }
}

fn words_without_data(error: &(dyn Error + 'static)) -> String {
    let text = causes(error).join(": ");
    match Chain::new(error).find_map(|cause| cause.downcast_ref::<db::Error>()) {
        Some(cause) => text.replace(&cause.to_string(), &cause.without_data()),
        None => text,
    }
}

fn outcome_word(status: ExitStatus) -> &'static str {
    match status {
        ExitStatus::Done => "done",
        ExitStatus::Partial => "partial",
        ExitStatus::Interrupted => "interrupted",
        _ => "failed",
    }
}
