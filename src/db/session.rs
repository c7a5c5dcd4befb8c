//! One connection of the pool while somebody uses it, and the transaction on it.
//!
//! Nothing here leaves state on the connection outside a transaction: parameters travel with unnamed statements, and
//! settings are `SET LOCAL`. So every statement may go through a pooler that hands each transaction to another
//! server connection.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, SimpleQueryMessage};

use super::conn::Pooled;
use super::error::Error;
use super::message::{self, Commit, Undone};
use super::running::{Running, Ticket};
use super::sql_text::without_secrets;
use super::text_result::{self, TextResult};

/// A parameter and the type it is sent as.
pub type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// How long a cancelled statement may take to say so.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// How much of a slow statement the log shows.
const LOGGED_CHARACTERS: usize = 120;

/// The limits that every statement of a session keeps.
#[derive(Debug, Clone, Copy)]
pub struct StatementLimits {
    /// Statements outside [`Session::begin`] are cancelled after this long; zero for never.
    pub timeout: Duration,
    /// Slower statements are logged; zero for never.
    pub slow: Duration,
}

/// A connection borrowed from the pool.
pub struct Session {
    /// `None` only while the session is being dropped.
    connection: Option<Pooled>,
    limits: StatementLimits,
    ticket: Ticket,
    /// A transaction was left open: the connection must not go back to the pool.
    tainted: bool,
    /// Statements sent whose answer nobody has seen yet. One that is left over, because its future was dropped or
    /// its cancellation was not heard, keeps the connection from the next user as well.
    unanswered: AtomicUsize,
    /// The server is sending rows. Were they left before their end, it would send all the others before it heard of
    /// anything else.
    is_streaming: AtomicBool,
    /// The last message has cleaned up, and nothing was sent since.
    is_clean: AtomicBool,
    last_answer: Mutex<Option<Instant>>,
}

impl Session {
    pub(super) fn new(connection: Pooled, limits: StatementLimits, running: &Arc<Running>) -> Self {
        let ticket = running.register(connection.cancel_token());
        Self {
            connection: Some(connection),
            limits,
            ticket,
            tainted: false,
            unanswered: AtomicUsize::new(0),
            is_streaming: AtomicBool::new(false),
            is_clean: AtomicBool::new(false),
            last_answer: Mutex::default(),
        }
    }

    pub(super) fn client(&self) -> &tokio_postgres::Client {
        self.connection
            .as_ref()
            .expect("present until the session is dropped")
    }

    /// Says that the server has begun to send rows.
    pub(super) fn stream_began(&self) {
        self.is_streaming.store(true, Ordering::Relaxed);
    }

    /// Says that the rows have come to their end, or to an error.
    pub(super) fn stream_ended(&self) {
        self.is_streaming.store(false, Ordering::Relaxed);
    }

    /// Lets statements take as long as the server lets them.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.limits.timeout = Duration::ZERO;
        self
    }

    /// Runs a statement with parameters, in one round trip.
    pub async fn query(&self, statement: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Error> {
        self.watch(statement, self.client().query_typed(statement, params))
            .await
    }

    /// Runs a statement that returns at most one row.
    pub async fn query_opt(&self, statement: &str, params: &[Param<'_>]) -> Result<Option<Row>, Error> {
        Ok(self.query(statement, params).await?.pop())
    }

    /// Runs a statement with parameters and says how many rows it changed.
    pub async fn execute(&self, statement: &str, params: &[Param<'_>]) -> Result<u64, Error> {
        self.watch(statement, self.client().execute_typed(statement, params))
            .await
    }

    /// Sends statements without parameters as one message.
    pub async fn script(&self, statements: &str) -> Result<(), Error> {
        self.watch(statements, self.client().batch_execute(statements))
            .await
    }

    /// The same, cancelled after so long; zero for never.
    pub async fn script_within(&mut self, statements: &str, limit: Duration) -> Result<(), Error> {
        let usual = std::mem::replace(&mut self.limits.timeout, limit);
        let result = self.script(statements).await;
        self.limits.timeout = usual;
        result
    }

    /// Sends statements without parameters as one message and returns what each answered, as text.
    pub async fn text_query(&self, statements: &str) -> Result<Vec<TextResult>, Error> {
        let messages = self
            .watch(statements, self.client().simple_query(statements))
            .await?;
        Ok(text_result::by_statement(messages))
    }

    /// Begins a transaction with the statements of `opening`, all in one round trip, and returns their answers.
    pub async fn begin(&mut self, opening: &str) -> Result<(Transaction<'_>, Vec<TextResult>), Error> {
        self.tainted = true;
        match self.text_query(opening).await {
            Ok(answers) => Ok((Transaction { session: self }, answers)),
            Err(error) => {
                // The connection is worth keeping when it still answers.
                if !error.is_connection_lost() && self.script("ROLLBACK").await.is_ok() {
                    self.tainted = false;
                }
                Err(error)
            }
        }
    }

    /// Sends all parts as one message, which PostgreSQL makes one transaction: all of it takes effect, or none, and
    /// nothing stays open. In the same trip asks a question, which is answered afterwards and leaves nothing behind.
    ///
    /// The message also cleans up, so that the next user of the connection need not wait for that.
    ///
    /// This is more than a `BEGIN`, statements and a `COMMIT` sent one behind the other: of those a `BEGIN` that fails,
    /// cancelled say, would leave the rest without a transaction.
    pub async fn in_one_trip<T>(
        &mut self,
        parts: &[&str],
        commit: Commit,
        question: impl AsyncFnOnce(&Self) -> T,
    ) -> (Result<(), Undone>, T) {
        self.tainted = true;
        let this = &*self;
        let done = AtomicUsize::new(0);
        let message = message::whole(parts, commit);
        let sent = this.watch(&message, this.send(&message, &done, |_| ()));
        let (made, answer) = futures_util::future::join(sent, question(this)).await;
        (self.settle(parts, done.into_inner(), made), answer)
    }

    /// The same without a question; what the statements of each part answered is kept. It is no statement to be logged
    /// as slow: who sends this knows that it takes a while.
    pub async fn ask_in_one_trip(&mut self, parts: &[&str]) -> Result<Vec<Vec<TextResult>>, Undone> {
        self.tainted = true;
        let done = AtomicUsize::new(0);
        let message = message::whole(parts, Commit::Now);
        let mut heard = Vec::new();
        let made = self
            .watch("", self.send(&message, &done, |message| heard.push(message)))
            .await;
        self.settle(parts, done.into_inner(), made)?;
        let mut answers = text_result::by_statement(heard).into_iter();
        let of_part = |part: &&str| answers.by_ref().take(message::statements_in(part)).collect();
        Ok(parts.iter().map(of_part).collect())
    }

    /// Sends a message of several parts, counts the statements that are done, and tells `hear` what the server answers.
    async fn send(
        &self,
        message: &str,
        done: &AtomicUsize,
        mut hear: impl FnMut(SimpleQueryMessage),
    ) -> Result<(), tokio_postgres::Error> {
        let mut answer = std::pin::pin!(self.client().simple_query_raw(message).await?);
        while let Some(message) = answer.try_next().await? {
            let is_end = matches!(message, SimpleQueryMessage::CommandComplete(_));
            done.fetch_add(usize::from(is_end), Ordering::Relaxed);
            hear(message);
        }
        Ok(())
    }

    /// What became of a message of several parts.
    fn settle(&mut self, parts: &[&str], done: usize, made: Result<(), Error>) -> Result<(), Undone> {
        let made = made.map_err(|error| Undone {
            // A mistake in writing is found before anything runs.
            part: match error.position() {
                Some(position) => message::part_at(parts, position),
                None => message::part_after(parts, done),
            },
            error: error.while_committing(),
        });
        self.tainted = matches!(&made, Err(undone) if undone.error.is_connection_lost());
        self.is_clean.store(made.is_ok(), Ordering::Relaxed);
        made
    }

    /// Awaits a statement, cancels it on the server when it takes too long, and logs it when it was slow. One without a
    /// text is not logged, and a message of several parts has no limit: it would be over all that is sent here.
    async fn watch<T>(
        &self,
        statement: &str,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        self.is_clean.store(false, Ordering::Relaxed);
        let mut answer = std::pin::pin!(answer);
        let limit = if self.tainted {
            Duration::ZERO
        } else {
            self.limits.timeout
        };
        let result = if limit.is_zero() {
            answer.await
        } else {
            match tokio::time::timeout(limit, &mut answer).await {
                Ok(result) => result,
                Err(_) => {
                    self.ticket.cancel().await;
                    // The answer to a cancelled statement, or a late success: either ends the wait.
                    let Ok(late) = tokio::time::timeout(CANCEL_GRACE, answer).await else {
                        return Err(Error::timed_out(limit));
                    };
                    self.unanswered.fetch_sub(1, Ordering::Relaxed);
                    return late.map_err(|_| Error::timed_out(limit));
                }
            }
        };
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        let elapsed = self.time_since_last_answer(started);
        if !statement.is_empty() && !self.limits.slow.is_zero() && elapsed >= self.limits.slow {
            let shown = without_secrets(statement, LOGGED_CHARACTERS);
            tracing::warn!("slow statement: {} ms for `{shown}`", elapsed.as_millis());
        }
        result.map_err(|error| match Error::from(error) {
            error if error.sqlstate() == Some("57014") && self.ticket.was_cancelled() => Error::interrupted(),
            error => error,
        })
    }
}

impl Session {
    /// How long a statement took that is answered now. One that was sent behind another had to wait for that first.
    fn time_since_last_answer(&self, sent: Instant) -> Duration {
        let now = Instant::now();
        let mut last = self.last_answer.lock().unwrap_or_else(PoisonError::into_inner);
        let began = last.replace(now).map_or(sent, |last| last.max(sent));
        now - began
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if self.is_streaming.load(Ordering::Relaxed) {
            Pooled::take(connection).sever();
        } else if self.tainted || self.unanswered.load(Ordering::Relaxed) > 0 {
            // Closing the connection rolls back whatever was open on it.
            drop(Pooled::take(connection));
        } else if self.is_clean.load(Ordering::Relaxed) {
            connection.is_left_clean();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("limits", &self.limits)
            .field("tainted", &self.tainted)
            .finish_non_exhaustive()
    }
}

/// An open transaction. Dropped without [`Transaction::commit`] it is undone, at the price of its connection.
#[derive(Debug)]
#[must_use = "a transaction that is not committed is undone"]
pub struct Transaction<'a> {
    session: &'a mut Session,
}

impl Transaction<'_> {
    /// Makes the transaction's changes last, or says that nothing of it was done.
    ///
    /// PostgreSQL takes the `COMMIT` of a transaction in which a statement has failed, and rolls back without a word.
    /// So a statement goes before it, which fails then and keeps the message from going on.
    pub async fn commit(self) -> Result<(), Error> {
        const COMMIT: &str = "SELECT 1;\nCOMMIT";
        let Err(error) = self.session.script(COMMIT).await else {
            self.session.tainted = false;
            return Ok(());
        };
        let error = error.while_committing();
        if !error.is_connection_lost() {
            // The error says more than one of the rollback.
            self.rollback().await.ok();
        }
        Err(error)
    }

    /// Undoes the transaction's changes and keeps the connection, unless rows were left on their way: then the
    /// connection ends, so that nobody waits for them.
    pub async fn rollback(self) -> Result<(), Error> {
        self.rollback_and("").await
    }

    /// The same, and then these statements in the same message, before a pooler can part with the connection.
    pub async fn rollback_and(self, statements: &str) -> Result<(), Error> {
        if self.session.is_streaming.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.session.script(&format!("ROLLBACK; {statements}")).await?;
        self.session.tainted = false;
        Ok(())
    }
}

impl Transaction<'_> {
    /// Commits what went well and undoes what did not.
    pub async fn end<T, E: From<Error>>(self, result: Result<T, E>) -> Result<T, E> {
        match result {
            Ok(value) => {
                self.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // The error that led here says more than one of the rollback.
                self.rollback().await.ok();
                Err(error)
            }
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}
