//! Running a clone's pending migrations one by one, and looking at what each does.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::look::{Locks, Picture, Seen, seen};
use super::{Failure, Mishap, RehearseError};
use crate::db::migrator::{Concurrent, History, Migrations, Pending, records};
use crate::db::{self, Commit, Db, SchemaName, Session};
use crate::fleet::{Event, Observer, Stop, Urgency};
use crate::ops::forward::{self, Course, ForwardError, How, Place, Ready};
use crate::ops::unfinished::{self, Unfinished};
use crate::tenant::Slug;

/// How long to wait between two looks at a statement that runs: short at first, for short statements.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(50);

/// Where migrations are rehearsed, and what with.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) db: &'a Db,
    pub(super) schema: &'a SchemaName,
    /// Whether what lies outside of the clone is in use, and must stay as it is.
    pub(super) is_shared: bool,
    pub(super) migrations: &'a Migrations,
    pub(super) how: &'a How,
    /// How many rows the tables have.
    pub(super) rows_of: HashMap<String, u64>,
    /// What was interrupted in the original.
    pub(super) unfinished: Vec<Unfinished>,
    pub(super) stop: &'a Stop,
}

/// A migration that was rehearsed.
#[derive(Debug)]
pub struct Performed {
    /// Such as `V3__add_region`.
    pub migration: String,
    /// The time for its statements and, in a transaction, the commit.
    pub elapsed: Duration,
    pub in_transaction: bool,
    pub seen: Seen,
}

/// How a clone's migrations went.
#[derive(Debug, Default)]
pub(super) struct Performance {
    pub(super) from: Option<i64>,
    pub(super) performed: Vec<Performed>,
    pub(super) failure: Option<Failure>,
    /// Those that come after the failing one.
    pub(super) not_reached: Vec<String>,
}

impl Stage<'_> {
    fn place(&self) -> Place<'_> {
        Place {
            schema: self.schema,
            tenant: None,
            operation: None,
        }
    }

    /// Runs all that is pending, up to what fails.
    pub(super) async fn perform(
        &self,
        slug: &Slug,
        observer: &mut dyn Observer,
    ) -> Result<Performance, RehearseError> {
        let mut history = forward::read_history(self.db, self.place(), self.how).await?;
        let is_empty = history.as_ref().is_none_or(History::is_empty);
        if let Some(baseline) = self.how.baseline.filter(|_| is_empty) {
            let before = history.as_ref();
            let course = Course::new(self.migrations, self.how);
            let adopted = forward::adopt(self.db, self.place(), &course, before, baseline);
            history = Some(adopted.await?);
        }
        let known = history.clone().unwrap_or_default();
        let work = self
            .migrations
            .work(&known, self.how.to, false)
            .await
            .map_err(ForwardError::from)?;
        let mut performance = Performance {
            from: known.version(),
            ..Performance::default()
        };
        let mut has_table = history.is_some();
        for (at, pending) in work.pending.iter().enumerate() {
            if self.stop.urgency() == Urgency::Cancel {
                return Err(RehearseError::Stopped);
            }
            observer.observe(&Event::Step {
                slug: slug.clone(),
                done: at,
                of: work.pending.len(),
                what: pending.name.clone(),
            });
            let started = Instant::now();
            match self.perform_one(pending, has_table).await {
                Ok(performed) => performance.performed.push(performed),
                Err(error) => {
                    let mishap = error.into_mishap()?;
                    performance.failure = Some(Failure {
                        migration: pending.name.clone(),
                        elapsed: started.elapsed(),
                        mishap,
                    });
                    let rest = work.pending[at + 1..].iter();
                    performance.not_reached = rest.map(|pending| pending.name.clone()).collect();
                    break;
                }
            }
            has_table = true;
        }
        Ok(performance)
    }

    async fn perform_one(&self, pending: &Pending, has_table: bool) -> Result<Performed, RehearseError> {
        let table = match has_table {
            true => String::new(),
            false => History::table(self.schema.quoted()),
        };
        let in_transaction = !pending.wants_no_transaction();
        let (elapsed, seen) = if in_transaction {
            self.together(pending, &table).await?
        } else {
            self.singly(pending, &table).await?
        };
        Ok(Performed {
            migration: pending.name.clone(),
            elapsed,
            in_transaction,
            seen,
        })
    }

    fn record(&self, pending: &Pending) -> String {
        records(self.schema, std::slice::from_ref(pending))
    }

    /// In a transaction, which looks at itself before it commits.
    async fn together(&self, pending: &Pending, table: &str) -> Result<(Duration, Seen), RehearseError> {
        let failed = |source| ForwardError::Failed {
            migration: pending.name.clone(),
            source,
        };
        let mut session = self.db.direct().await?;
        // It is idle while it looks at itself, which the rollout's is not. All other limits hold there too.
        let begin = format!(
            "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; {}",
            forward::opening(self.place(), self.how)
        );
        let (transaction, _) = session.begin(&begin).await?;
        let result = async {
            transaction.script(table).await?;
            let before = Picture::take(&transaction, self.schema).await?;
            let started = Instant::now();
            transaction.script(&pending.sql).await.map_err(failed)?;
            let elapsed = started.elapsed();
            transaction.script("SET LOCAL search_path = pg_catalog").await?;
            let mut locks = Locks::default();
            locks.look(&transaction, own_pid(&transaction).await?).await?;
            let after = Picture::take(&transaction, self.schema).await?;
            if self.is_shared {
                let changed = locks
                    .changes_outside(self.db, &transaction, self.schema, &before)
                    .await?;
                if !changed.is_empty() {
                    let migration = pending.name.clone();
                    return Err(Mishap::Outside { migration, changed }.into());
                }
            }
            transaction.script(&self.record(pending)).await?;
            let seen = seen(self.schema, (&before, &after), &locks, &self.rows_of, false);
            Ok((elapsed, seen))
        }
        .await;
        match result {
            Ok((elapsed, seen)) => {
                let started = Instant::now();
                // Deferred constraints are checked here.
                transaction.commit().await.map_err(failed)?;
                Ok((elapsed + started.elapsed(), seen))
            }
            Err(error) => {
                transaction.rollback().await.ok();
                Err(error)
            }
        }
    }

    /// Statement by statement, while another session looks on.
    async fn singly(&self, pending: &Pending, table: &str) -> Result<(Duration, Seen), RehearseError> {
        let statements = pending.statements().map_err(|source| ForwardError::Unreadable {
            migration: pending.name.clone(),
            source,
        })?;
        let hand = forward::hand(self.db, self.place(), &statements, pending, self.how).await?;
        let eye = self.db.direct().await?;
        let pid = own_pid(&hand).await?;
        let before = Picture::take(&eye, self.schema).await?;
        let mut locks = Locks::default();
        let mut elapsed = Duration::ZERO;
        let beginning = unfinished::beginning(&self.unfinished, self.schema, pending, &statements);
        for (number, statement, is_resumed) in beginning.of(&statements) {
            let failed = |source| ForwardError::FailedSingly {
                migration: pending.name.clone(),
                statement: number,
                source,
            };
            let cleared = forward::clear(&hand, self.place(), statement, is_resumed).await;
            if let Ready::Done = cleared.map_err(failed)? {
                continue;
            }
            let (done, taken) = watched(&hand, &statement.text, &eye, pid, &mut locks).await;
            done.map_err(failed)?;
            elapsed += taken;
        }
        let after = Picture::take(&eye, self.schema).await?;
        drop(hand);
        let mut session = self.db.direct().await?;
        let (recorded, ()) = session
            .in_one_trip(&[table, &self.record(pending)], Commit::Soon, async |_| ())
            .await;
        recorded.map_err(|undone| undone.error)?;
        let concurrently = statements
            .iter()
            .any(|statement| Concurrent::of(statement).is_some());
        let seen = seen(
            self.schema,
            (&before, &after),
            &locks,
            &self.rows_of,
            concurrently,
        );
        Ok((elapsed, seen))
    }
}

async fn own_pid(session: &Session) -> Result<i32, db::Error> {
    let row = session
        .query_opt("SELECT pg_catalog.pg_backend_pid()", &[])
        .await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Runs a statement, and looks again and again which locks its session holds meanwhile.
async fn watched(
    hand: &Session,
    statement: &str,
    eye: &Session,
    pid: i32,
    locks: &mut Locks,
) -> (Result<(), db::Error>, Duration) {
    let is_done = Cell::new(false);
    let working = async {
        let started = Instant::now();
        let done = hand.script(statement).await;
        is_done.set(true);
        (done, started.elapsed())
    };
    let looking = async {
        let mut pause = FIRST_PAUSE;
        while !is_done.get() {
            if let Err(error) = locks.look(eye, pid).await {
                // The statement goes on without somebody who looks.
                return tracing::debug!("looking at locks: {error}");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    };
    let (worked, ()) = futures_util::future::join(working, looking).await;
    worked
}
