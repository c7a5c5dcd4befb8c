//! Makes and recycles connections for a deadpool pool.
//!
//! deadpool-postgres brings a manager of its own, which takes connections from a function and so could take ours. But
//! its errors are the driver's: the list of servers tried, the kind and the hint of a [`ConnectError`] would be lost
//! in `pool.get()`. Ours is a page long and keeps them; the recycling method is still deadpool-postgres's.

use std::sync::LazyLock;
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::RecyclingMethod;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

use super::connect_error::ConnectError;
use super::connection::Connection;
use super::retry::connect_with_retry;
use super::target::ConnectTarget;

/// The clean-up would pass inside a transaction and be undone with it. One that was opened by an earlier message has an
/// earlier time. A plain `ROLLBACK` would do too, but writes a warning to the server's log each time.
///
/// It also leaves prepared statements, among which the driver's own have to stay; those that came as SQL are somebody's
/// leavings.
const REUSABLE: &str = "SELECT pg_catalog.now() = pg_catalog.statement_timestamp() AS is_outside, \
                        NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql) AS is_clean";

/// How often a connection is used. A backend remembers every table that it has seen, some 24 kB for a tenant of eight
/// tables, and gives none of it back: after so many tenants it has grown by 12 MB.
const USES: usize = 500;

/// A pool of [`Connection`]s to one target.
pub type Pool = managed::Pool<Manager>;

/// Why the pool had no connection to give.
pub type PoolError = managed::PoolError<ConnectError>;

/// A connection on loan; it goes back to the pool when dropped.
pub type Pooled = managed::Object<Manager>;

/// Statements that leave nothing of a user behind but prepared statements. They may stand in a transaction.
///
/// The role is the session's own again, `role` having been taken to `none` with the session's authorization: where a
/// login works as another role by `ALTER ROLE … SET role`, what it makes would be its own otherwise.
pub(in crate::db) fn clean_up() -> &'static str {
    static STATEMENTS: LazyLock<String> = LazyLock::new(|| {
        let clean = RecyclingMethod::Clean.query().unwrap_or_default();
        format!("{clean} RESET ROLE;")
    });
    &STATEMENTS
}

#[derive(Debug)]
pub struct Manager {
    target: ConnectTarget,
    wait: Duration,
}

impl Manager {
    /// Connects to `target`, and keeps trying for `wait` while the server is starting or away.
    pub fn new(target: ConnectTarget, wait: Duration) -> Self {
        Self { target, wait }
    }

    pub fn target(&self) -> &ConnectTarget {
        &self.target
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = ConnectError;

    async fn create(&self) -> Result<Connection, ConnectError> {
        let mut is_said = false;
        let say_once = |error: &ConnectError, _| {
            if !std::mem::replace(&mut is_said, true) {
                tracing::warn!("{error}; trying for {:.0} s", self.wait.as_secs_f64().ceil());
            }
        };
        // Boxed: the login's future is large and deeply nested, and every user of a session would carry it.
        Box::pin(connect_with_retry(&self.target, self.wait, say_once)).await
    }

    /// Leaves nothing of the last user behind: cursors, settings such as `search_path`, locks, temporary tables. What
    /// cannot be cleaned is closed. Users whose own message ended with `clean_up` save it a round trip.
    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<ConnectError> {
        if metrics.recycle_count >= USES {
            return Err(RecycleError::message("the connection has seen enough tenants"));
        }
        if connection.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if connection.was_left_clean() {
            return Ok(());
        }
        let clean = format!("{REUSABLE}; {}", clean_up());
        let answer = connection.simple_query(&clean).await.map_err(|error| {
            let reason = error
                .as_db_error()
                .map_or_else(|| error.to_string(), ToString::to_string);
            RecycleError::message(format!("the connection could not be cleaned: {reason}"))
        })?;
        let is_true = |row: &SimpleQueryRow, column| row.try_get(column).is_ok_and(|is| is == Some("t"));
        let first = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        match first {
            Some(row) if !is_true(row, "is_outside") => {
                Err(RecycleError::message("the connection was left in a transaction"))
            }
            Some(row) if is_true(row, "is_clean") => Ok(()),
            _ => Err(RecycleError::message("the connection holds prepared statements")),
        }
    }
}
