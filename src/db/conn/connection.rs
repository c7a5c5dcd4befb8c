//! A live connection: the client, the task that moves its bytes, and the means to interrupt it.

use std::fmt;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connect_error::{Attempt, ConnectError, Failure};
use super::endpoint::Endpoint;
use super::target::ConnectTarget;

/// A server that does not take a cancel request within this time will not take it at all.
const CANCEL_LIMIT: Duration = Duration::from_secs(10);

/// A session with the server. It is used as the [`Client`] it stands for.
///
/// Dropping it closes the session in the background, once what was asked is answered; [`close`](Self::close) waits until
/// that is done.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    endpoint: Endpoint,
    canceller: Canceller,
    is_clean: bool,
    escapes_strings: bool,
}

impl Connection {
    /// Opens a session over one socket. The configuration names exactly one place.
    pub(super) async fn open(
        config: &Config,
        tls: Option<MakeRustlsConnect>,
        target: &ConnectTarget,
        endpoint: &Endpoint,
    ) -> Result<Self, tokio_postgres::Error> {
        let (client, driver, escapes_strings) = match tls.clone() {
            Some(tls) => start(config, tls, endpoint).await?,
            None => start(config, NoTls, endpoint).await?,
        };
        let canceller = Canceller {
            token: client.cancel_token(),
            tls,
            target: target.clone(),
            endpoint: endpoint.clone(),
        };
        Ok(Self {
            client,
            driver,
            endpoint: endpoint.clone(),
            canceller,
            is_clean: false,
            escapes_strings,
        })
    }

    /// Whether the server takes a backslash in a plain string for an escape.
    pub(super) fn escapes_strings(&self) -> bool {
        self.escapes_strings
    }

    /// The server that answered.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What interrupts this session's query from elsewhere: a handle that can be kept while the session is busy.
    pub fn cancel_token(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Says that the last user has cleaned up behind itself.
    pub fn is_left_clean(&mut self) {
        self.is_clean = true;
    }

    /// Whether somebody has said so since this was last asked.
    pub(super) fn was_left_clean(&mut self) -> bool {
        std::mem::take(&mut self.is_clean)
    }

    /// Ends the session at once, whatever is on its way. Dropped alone it would first take all that the server sends.
    pub fn sever(self) {
        self.driver.abort();
    }

    /// Ends the session and waits until the server has been told.
    pub async fn close(self) {
        let Self { client, driver, .. } = self;
        drop(client);
        if let Err(error) = driver.await {
            tracing::debug!("the connection's task ended badly: {error}");
        }
    }
}

impl Deref for Connection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// Interrupts the query a [`Connection`] is running, over a connection of its own and encrypted like the first.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
    target: ConnectTarget,
    endpoint: Endpoint,
}

impl Canceller {
    /// Asks the server to stop. The query, if it was still running, then fails with SQLSTATE 57014.
    pub async fn cancel(&self) -> Result<(), ConnectError> {
        let asking = async {
            match self.tls.clone() {
                Some(tls) => self.token.cancel_query(tls).await,
                None => self.token.cancel_query(NoTls).await,
            }
        };
        let failure = match tokio::time::timeout(CANCEL_LIMIT, asking).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Failure::from_driver(&error, &self.target, &self.endpoint),
            Err(_) => Failure::no_answer(CANCEL_LIMIT, &self.endpoint),
        };
        let attempt = Attempt {
            place: self.endpoint.to_string(),
            failure,
        };
        Err(ConnectError::new(&self.target, vec![attempt]).while_doing("cannot cancel the query in"))
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

async fn start<T>(
    config: &Config,
    tls: T,
    endpoint: &Endpoint,
) -> Result<(Client, JoinHandle<()>, bool), tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket> + Send,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = config.connect(tls).await?;
    let escapes_strings = connection.parameter("standard_conforming_strings") == Some("off");
    let driver = tokio::spawn(drive(connection, endpoint.to_string()));
    Ok((client, driver, escapes_strings))
}

/// Moves bytes until the client is dropped or the server goes away, and logs what the server says unasked.
async fn drive<S>(mut connection: tokio_postgres::Connection<Socket, S>, place: String)
where
    S: TlsStream + Unpin,
{
    loop {
        match poll_fn(|cx| connection.poll_message(cx)).await {
            Some(Ok(AsyncMessage::Notice(notice))) => log_notice(&notice, &place),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let reason = error
                    .as_db_error()
                    .map_or_else(|| error.to_string(), ToString::to_string);
                // Whoever uses the connection learns of it from the statement that failed.
                tracing::debug!(server = place, "connection lost: {reason}");
                return;
            }
            None => return,
        }
    }
}

fn log_notice(notice: &DbError, place: &str) {
    let (message, code) = (notice.message(), notice.code().code());
    match notice.parsed_severity() {
        // A server that goes down says so to everybody; the failing statement says it better.
        Some(Severity::Warning) if !code.starts_with("57P") => {
            tracing::warn!(server = place, code, "{message}");
        }
        _ => tracing::debug!(server = place, code, "{message}"),
    }
}
