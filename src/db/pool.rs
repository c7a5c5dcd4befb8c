//! The database as the program holds it: one pool for everything, one that goes past a pooler, and the means to
//! cancel what runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::TimeoutType;
use tokio::sync::OnceCell;
use tokio_postgres::types::Type;

use super::conn::{ConnectError, ConnectErrorKind, ConnectTarget, Manager, Pool, PoolError};
use super::error::Error;
use super::ident::SchemaName;
use super::running::Running;
use super::session::{Session, StatementLimits};

/// How many connections a pool has when nobody says otherwise.
const DEFAULT_POOL_MAX: usize = 10;
/// The limit for a single attempt to connect when the URL sets none.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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

/// The connections of a pool at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// The most that there can be.
    pub max: usize,
    pub open: usize,
    /// Those that nobody uses.
    pub idle: usize,
    /// Who waits for one.
    pub waiting: usize,
}

/// A database that can be worked with. Nothing is connected before the first session is asked for.
#[derive(Clone)]
pub struct Db {
    pooled: Pool,
    /// The way past a pooler, where there is one.
    direct: Option<Pool>,
    /// Whether `direct` leads to the database of `pooled`, once that has been found out.
    is_same_database: Arc<OnceCell<bool>>,
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
    #[error("the pool gave no connection: {0}")]
    Pool(#[source] PoolError),
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
            Self::Connect(_) | Self::Pool(_) | Self::Sql(_) => None,
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
            pool_of(size, target, &options)
        };
        Self {
            pooled: pool(target),
            direct: direct.map(pool),
            is_same_database: Arc::default(),
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

    /// The most sessions past a pooler that can be had at once.
    pub fn capacity(&self) -> usize {
        self.direct.as_ref().unwrap_or(&self.pooled).status().max_size
    }

    /// The most sessions for everyday work that can be had at once.
    pub fn everyday_capacity(&self) -> usize {
        self.pooled.status().max_size
    }

    /// How the pool for everyday work is used at the moment.
    pub fn pool_state(&self) -> PoolState {
        let status = self.pooled.status();
        PoolState {
            max: status.max_size,
            open: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
    }

    /// A session for reading and for work on single rows. It may go through a pooler.
    pub async fn session(&self) -> Result<Session, SessionError> {
        self.take_from(&self.pooled).await
    }

    /// A session for changes to schemas, which goes past a pooler where a way is known.
    pub async fn direct(&self) -> Result<Session, SessionError> {
        self.take_from(self.past_pooler().await?).await
    }

    /// A connection of its own beside the pool, past a pooler where a way is known. The settings hold as long as it
    /// lasts, which is until the session is dropped.
    pub async fn apart(&self, settings: &[(&str, String)]) -> Result<Session, SessionError> {
        let past_pooler = self.past_pooler().await?;
        let target = past_pooler.manager().target().clone().with_settings(settings);
        self.take_from(&pool_of(1, target, &self.options)).await
    }

    /// The same for settings with which `schema` is the current one. `None` where a pooler keeps them away: it refuses
    /// the login, or passes over what it does not know.
    pub async fn apart_in(
        &self,
        schema: &SchemaName,
        settings: &[(&str, String)],
    ) -> Result<Option<Session>, SessionError> {
        const QUESTION: &str = "SELECT current_schema() = $1";
        let session = match self.apart(settings).await {
            // A server that is away says nothing of settings.
            Err(SessionError::Connect(refusal)) if refusal.kind() == ConnectErrorKind::Refused => {
                tracing::debug!("{refusal}");
                return Ok(None);
            }
            made => made?,
        };
        let row = session
            .query_opt(QUESTION, &[(&schema.as_str(), Type::NAME)])
            .await?;
        let is_in = row.and_then(|row| row.get(0)) == Some(true);
        Ok(is_in.then_some(session))
    }

    /// The same database for what must come to its end: [`Db::cancel_running`] passes these sessions by.
    #[must_use]
    pub fn uncancelled(&self) -> Self {
        Self {
            running: Arc::default(),
            ..self.clone()
        }
    }

    /// The same database, where a request to cancel what runs on `other` is heard as well.
    #[must_use]
    pub fn cancelled_with(self, other: &Self) -> Self {
        Self {
            running: Arc::clone(&other.running),
            ..self
        }
    }

    /// Whether this is the same database as the other; `None` where that cannot be told.
    pub async fn is_same_as(&self, other: &Self) -> Result<Option<bool>, SessionError> {
        let (here, there) = (self.session().await?, other.session().await?);
        Ok(is_same_database(&here, &there).await?)
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
        match pool.get().await {
            Ok(connection) => Ok(Session::new(connection, self.options.limits, &self.running)),
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(SessionError::PoolExhausted(self.options.wait)),
            Err(error) => Err(SessionError::Pool(error)),
        }
    }

    /// The pool that goes past a pooler where a way is known, once that is known to lead to the same database.
    async fn past_pooler(&self) -> Result<&Pool, SessionError> {
        let Some(direct) = &self.direct else {
            return Ok(&self.pooled);
        };
        let is_same = self
            .is_same_database
            .get_or_try_init(|| self.compare_databases(direct))
            .await?;
        if *is_same {
            return Ok(direct);
        }
        let place = |pool: &Pool| pool.manager().target().describe();
        Err(SessionError::DifferentDatabases {
            direct: place(direct),
            pooled: place(&self.pooled),
        })
    }

    /// A `DIRECT_URL` that leads elsewhere would change the wrong database without a word.
    async fn compare_databases(&self, direct: &Pool) -> Result<bool, SessionError> {
        let here = self.take_from(direct).await?;
        let there = self.session().await?;
        let is_same = is_same_database(&here, &there).await?.unwrap_or(true);
        if !is_same {
            direct.close();
        }
        Ok(is_same)
    }
}

/// Whether two sessions are in the same database; `None` where that cannot be told.
async fn is_same_database(here: &Session, there: &Session) -> Result<Option<bool>, Error> {
    const IDENTITY: &str = "SELECT system_identifier || '/' || current_database() FROM pg_control_system()";
    match tokio::try_join!(here.text_query(IDENTITY), there.text_query(IDENTITY)) {
        Ok((here, there)) => Ok(Some(here == there)),
        // Some hosting services keep the function to themselves.
        Err(error) if matches!(error.sqlstate(), Some("42501" | "42883" | "0A000")) => {
            tracing::debug!("cannot tell whether two sessions are in one database: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn pool_of(size: usize, target: ConnectTarget, options: &PoolOptions) -> Pool {
    let target = match target.connect_timeout() {
        Some(_) => target,
        None => target.with_connect_timeout(DEFAULT_CONNECT_TIMEOUT),
    };
    Pool::builder(Manager::new(target, options.connect_wait))
        .max_size(size)
        .wait_timeout(Some(options.wait))
        // A connection that died without a word is given up like one that said so.
        .recycle_timeout(Some(options.wait.max(Duration::from_secs(1))))
        .runtime(Runtime::Tokio1)
        .build()
        .expect("a pool with a runtime can have timeouts")
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("database", &self.describe())
            .finish_non_exhaustive()
    }
}
