//! The database as the program holds it: one pool for everything, one that goes past a pooler, and the means to
//! cancel what runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::conn::{Canceller, ConnectError, ConnectTarget, Manager, Pool, PoolError, Pooled};
use super::error::Error;
use super::session::{Session, StatementLimits};

/// How many connections a pool has when nobody says otherwise.
const DEFAULT_POOL_MAX: usize = 10;
/// The limit for a single attempt to connect when the URL sets none.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How the pools behave.
#[derive(Debug, Clone, Copy)]
pub struct PoolOptions {
    /// Connections that [`Db::warm`] opens ahead.
    pub min: usize,
    /// The most connections; `None` for the URL's `connection_limit`, else ten.
    pub max: Option<usize>,
    /// How long to wait for a free connection.
    pub wait: Duration,
    /// How long to keep trying while the server is starting or away.
    pub connect_wait: Duration,
    pub limits: StatementLimits,
}

/// A database that can be worked with. Nothing is connected before the first session is asked for.
#[derive(Clone)]
pub struct Db {
    pooled: Pool,
    /// The way past a pooler, where there is one.
    direct: Option<Pool>,
    options: PoolOptions,
    running: Arc<Running>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("no connection of the pool became free within {} ms", .0.as_millis())]
    PoolExhausted(Duration),
    #[error("`{direct}` and `{pooled}` are not the same database")]
    DifferentDatabases { direct: String, pooled: String },
    #[error("{0}")]
    Sql(#[from] Error),
}

impl SessionError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::PoolExhausted(_) => Some("raise `database.pool_max` or `database.pool_timeout`".to_owned()),
            Self::DifferentDatabases { .. } => {
                Some("DIRECT_URL must lead to the database of DATABASE_URL, only past its pooler".to_owned())
            }
            Self::Connect(_) | Self::Sql(_) => None,
        }
    }
}

impl Db {
    /// Prepares to work with `target`; `direct` is the same database past a pooler.
    pub fn new(target: ConnectTarget, direct: Option<ConnectTarget>, options: PoolOptions) -> Self {
        let pool = |target: ConnectTarget| {
            let size = options
                .max
                .or(target.connection_limit())
                .unwrap_or(DEFAULT_POOL_MAX);
            let target = match target.connect_timeout() {
                Some(_) => target,
                None => target.with_connect_timeout(DEFAULT_CONNECT_TIMEOUT),
            };
            Pool::builder(Manager::new(target))
                .max_size(size)
                .build()
                .expect("a pool without timeouts needs no runtime")
        };
        Self {
            pooled: pool(target),
            direct: direct.map(pool),
            options,
            running: Arc::default(),
        }
    }

    /// The database in words: `metrics on db.example:5432 as app`.
    pub fn describe(&self) -> String {
        self.pooled.manager().target().describe()
    }

    /// Where and as whom `psql` would have to connect.
    pub fn target(&self) -> &ConnectTarget {
        self.direct.as_ref().unwrap_or(&self.pooled).manager().target()
    }

    /// The most sessions that can be had at once.
    pub fn capacity(&self) -> usize {
        self.direct.as_ref().unwrap_or(&self.pooled).status().max_size
    }

    /// A session for reading and for work on single rows. It may go through a pooler.
    pub async fn session(&self) -> Result<Session, SessionError> {
        self.take_from(&self.pooled).await
    }

    /// A session for changes to schemas, which goes past a pooler where a way is known.
    pub async fn direct(&self) -> Result<Session, SessionError> {
        let Some(direct) = &self.direct else {
            return self.session().await;
        };
        let first_use = direct.status().size == 0;
        let session = self.take_from(direct).await?;
        if first_use {
            self.check_same_database(&session).await?;
        }
        Ok(session)
    }

    /// Opens connections ahead of work that will need `wanted` of them, up to the configured minimum.
    pub async fn warm(&self, wanted: usize) -> Result<(), SessionError> {
        let count = wanted.min(self.options.min);
        futures_util::future::try_join_all((0..count).map(|_| self.direct()))
            .await
            .map(drop)
    }

    /// Cancels every statement that is running, on the server.
    pub async fn cancel_running(&self) {
        self.running.cancel_all().await;
    }

    async fn take_from(&self, pool: &Pool) -> Result<Session, SessionError> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match tokio::time::timeout(self.options.wait, pool.get()).await {
                Ok(Ok(connection)) => {
                    let connection = PooledConnection(connection);
                    return Ok(Session::new(connection, self.options.limits, &self.running));
                }
                Ok(Err(PoolError::Backend(error))) => error,
                Ok(Err(_)) | Err(_) => return Err(SessionError::PoolExhausted(self.options.wait)),
            };
            let left = self.options.connect_wait.saturating_sub(started.elapsed());
            if !error.kind().may_pass() || left.is_zero() || self.running.stopped() {
                return Err(error.into());
            }
            if pause == FIRST_PAUSE {
                tracing::warn!("{error}; trying for {} s", left.as_secs_f32().ceil());
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A `DIRECT_URL` that leads elsewhere would change the wrong database without a word.
    async fn check_same_database(&self, direct: &Session) -> Result<(), SessionError> {
        const IDENTITY: &str =
            "SELECT system_identifier || '/' || current_database() FROM pg_control_system()";
        let pooled = self.session().await?;
        let (here, there) = tokio::try_join!(direct.text_query(IDENTITY), pooled.text_query(IDENTITY))?;
        if here == there {
            return Ok(());
        }
        let place = |pool: &Pool| pool.manager().target().describe();
        Err(SessionError::DifferentDatabases {
            direct: self.direct.as_ref().map_or_else(String::new, place),
            pooled: place(&self.pooled),
        })
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("database", &self.describe())
            .finish_non_exhaustive()
    }
}

/// A connection that goes back to the pool when it is dropped.
pub(super) struct PooledConnection(Pooled);

impl PooledConnection {
    pub(super) fn client(&self) -> &tokio_postgres::Client {
        &self.0
    }

    pub(super) fn canceller(&self) -> Canceller {
        self.0.cancel_token()
    }

    /// Closes the connection instead of giving it back.
    pub(super) fn discard(self) {
        drop(Pooled::take(self.0));
    }
}

/// The sessions in use, so that their statements can be cancelled from outside.
#[derive(Default)]
pub(super) struct Running {
    cancellers: Mutex<HashMap<u64, Canceller>>,
    next: AtomicU64,
    stopped: AtomicBool,
}

impl Running {
    pub(super) fn register(self: &Arc<Self>, canceller: Canceller) -> Ticket {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.cancellers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, canceller.clone());
        Ticket {
            number,
            canceller,
            running: Arc::clone(self),
        }
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    async fn cancel_all(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let cancellers: Vec<Canceller> = self
            .cancellers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        futures_util::future::join_all(cancellers.iter().map(cancel)).await;
    }
}

async fn cancel(canceller: &Canceller) {
    if let Err(error) = canceller.cancel().await {
        tracing::debug!("{error}");
    }
}

/// A session's place among those that run.
pub(super) struct Ticket {
    number: u64,
    canceller: Canceller,
    running: Arc<Running>,
}

impl Ticket {
    /// Cancels this session's statement on the server.
    pub(super) async fn cancel(&self) {
        cancel(&self.canceller).await;
    }

    /// Whether everything was cancelled because the program was asked to stop.
    pub(super) fn was_cancelled(&self) -> bool {
        self.running.stopped()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.running
            .cancellers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.number);
    }
}
