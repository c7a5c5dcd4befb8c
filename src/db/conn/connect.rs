//! Goes through a target's servers until one lets us in and has the role that was asked for.
//!
//! The loop is ours and not the driver's: passwords, server names and roles differ by server, and the driver would
//! keep only the last of several errors. Like libpq, it goes on to the next address when nobody answers, and stops
//! when a server says no.

use std::net::IpAddr;

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::config::{SslMode as DriverMode, SslNegotiation};
use tokio_postgres::error::SqlState;

use super::connect_error::{Attempt, ConnectError, ConnectErrorKind, Failure};
use super::connection::Connection;
use super::endpoint::{Address, Endpoint};
use super::random;
use super::target::{ConnectTarget, Order, Server, TargetSessionAttrs};
use super::tls::TlsError;
use super::tls_settings::SslMode;

use TargetSessionAttrs::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};

/// Connects to the first server of the target that will do.
pub async fn connect(target: &ConnectTarget) -> Result<Connection, ConnectError> {
    let mut servers: Vec<&Server> = target.servers.iter().collect();
    shuffle_if_asked(target, &mut servers);
    let passes: &[TargetSessionAttrs] = match &target.session {
        PreferStandby => &[Standby, Any],
        one => std::slice::from_ref(one),
    };

    let mut attempts = Vec::new();
    for wanted in passes {
        attempts.clear();
        for server in &servers {
            match reach(target, server, *wanted, &mut attempts).await {
                Some(connection) => return Ok(connection),
                None if attempts
                    .last()
                    .is_some_and(|attempt| !attempt.failure.kind.may_pass()) =>
                {
                    return Err(ConnectError::new(target, attempts));
                }
                None => {}
            }
        }
    }
    Err(ConnectError::new(target, attempts))
}

/// Tries all addresses of one server. What goes wrong is added to the attempts.
async fn reach(
    target: &ConnectTarget,
    server: &Server,
    wanted: TargetSessionAttrs,
    attempts: &mut Vec<Attempt>,
) -> Option<Connection> {
    let endpoint = &server.endpoint;
    let addresses = match within_limit(target, endpoint, resolve(target, endpoint)).await {
        Ok(addresses) => addresses,
        Err(failure) => {
            attempts.push(Attempt {
                place: endpoint.to_string(),
                failure,
            });
            return None;
        }
    };
    let several = addresses.len() > 1;
    for address in addresses {
        match within_limit(target, endpoint, log_in(target, server, address, wanted)).await {
            Ok(connection) => return Some(connection),
            Err(failure) => {
                let is_final = !failure.kind.may_pass();
                let place = match address {
                    Some(address) if several => format!("{endpoint} ({address})"),
                    _ => endpoint.to_string(),
                };
                attempts.push(Attempt { place, failure });
                if is_final {
                    return None;
                }
            }
        }
    }
    None
}

async fn within_limit<T>(
    target: &ConnectTarget,
    endpoint: &Endpoint,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(limit) = target.connect_timeout() else {
        return work.await;
    };
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::no_answer(limit, endpoint)),
    }
}

/// The addresses behind an endpoint; none for a socket.
async fn resolve(target: &ConnectTarget, endpoint: &Endpoint) -> Result<Vec<Option<IpAddr>>, Failure> {
    let name = match &endpoint.address {
        Address::Socket(_) => return Ok(vec![None]),
        Address::Ip { address, .. } => return Ok(vec![Some(*address)]),
        Address::Host(name) => name.as_str(),
    };
    let found = tokio::net::lookup_host((name, endpoint.port)).await;
    let mut addresses = Vec::new();
    for address in found.map_err(|error| Failure::from_lookup(&error, name))? {
        let address = Some(address.ip());
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    shuffle_if_asked(target, &mut addresses);
    Ok(addresses)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Off,
    IfOffered,
    Always,
}

/// How to connect, and how to go on when the server's pg_hba.conf has no place for the first way. A weak mode never
/// gives up encryption for any other reason.
fn ways(mode: SslMode, endpoint: &Endpoint) -> (Encryption, Option<Encryption>) {
    use Encryption::{Always, IfOffered, Off};
    match mode {
        // Nobody listens in on a socket in the file system; the server offers no TLS there.
        _ if endpoint.is_socket() => (Off, None),
        SslMode::Disable => (Off, None),
        SslMode::Allow => (Off, Some(Always)),
        SslMode::Prefer => (IfOffered, Some(Off)),
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (Always, None),
    }
}

async fn log_in(
    target: &ConnectTarget,
    server: &Server,
    address: Option<IpAddr>,
    wanted: TargetSessionAttrs,
) -> Result<Connection, Failure> {
    let mut connection = enter(target, server, address).await?;
    if connection.escapes_strings() {
        // Every text with a backslash in it would be another one, and what PostgreSQL prints among them. A message is
        // read as a whole before any `SET` in it takes effect, so the session has to begin with it.
        let plain = [("standard_conforming_strings", "on".to_owned())];
        let plain = target.clone().with_settings(&plain);
        connection = enter(&plain, server, address).await?;
    }
    check_role(&connection, target, wanted).await?;
    Ok(connection)
}

/// One attempt, in the other way where the first is not let in.
async fn enter(
    target: &ConnectTarget,
    server: &Server,
    address: Option<IpAddr>,
) -> Result<Connection, Failure> {
    let not_let_in = |failure: &Failure| {
        failure.sqlstate.as_ref() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
            || failure.wants_tls()
    };
    let (way, other_way) = ways(target.tls.mode, &server.endpoint);
    match (open(target, server, address, way).await, other_way) {
        (Err(failure), Some(other_way)) if not_let_in(&failure) => {
            match open(target, server, address, other_way).await {
                Ok(connection) => Ok(connection),
                // This way came further, if it was refused for something else.
                Err(other) if other.kind == ConnectErrorKind::Refused && !not_let_in(&other) => Err(other),
                Err(_) => Err(failure),
            }
        }
        (result, _) => result,
    }
}

/// One attempt in one way.
async fn open(
    target: &ConnectTarget,
    server: &Server,
    address: Option<IpAddr>,
    encryption: Encryption,
) -> Result<Connection, Failure> {
    let endpoint = &server.endpoint;
    let mut config = target.driver.clone();
    config.port(endpoint.port);
    match (&endpoint.address, address) {
        (Address::Socket(directory), _) => config.host_path(directory),
        // The driver wants a name for TLS in any case; the address stands in where none is checked.
        (_, Some(ip)) => config
            .host(endpoint.server_name().map_or(ip.to_string(), str::to_owned))
            .hostaddr(ip),
        (_, None) => config.host(endpoint.server_name().unwrap_or_default()),
    };
    if let Some(password) = &server.password {
        config.password(password.expose());
    }

    let tls = match encryption {
        Encryption::Off => None,
        _ => Some(connector(target, endpoint).map_err(|error| Failure::from_tls_setup(&error))?),
    };
    config.ssl_mode(match encryption {
        Encryption::Off => DriverMode::Disable,
        Encryption::IfOffered => DriverMode::Prefer,
        Encryption::Always => DriverMode::Require,
    });
    if target.tls.direct {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    Connection::open(&config, tls, target, endpoint)
        .await
        .map_err(|error| Failure::from_driver(&error, target, endpoint))
}

fn connector(
    target: &ConnectTarget,
    endpoint: &Endpoint,
) -> Result<tokio_postgres_rustls::MakeRustlsConnect, TlsError> {
    if target.tls.mode == SslMode::VerifyFull && endpoint.server_name().is_none() {
        return Err(TlsError::NoServerName);
    }
    target.tls.connector()
}

/// Asks the server what it is. libpq reads this from parameters the server reports at login, which poolers do not
/// hand through.
async fn check_role(
    connection: &Connection,
    target: &ConnectTarget,
    wanted: TargetSessionAttrs,
) -> Result<(), Failure> {
    const ROLE: &str =
        "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";
    if wanted == Any {
        return Ok(());
    }
    let answer = connection
        .simple_query(ROLE)
        .await
        .map_err(|error| Failure::from_driver(&error, target, connection.endpoint()))?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let is = |column, text| row.and_then(|row| row.get(column)) == Some(text);
    let (in_recovery, read_only) = (is(0, "t"), is(1, "on"));
    match wanted {
        ReadWrite if read_only => Err(Failure::wrong_role("the session is read-only")),
        ReadOnly if !read_only => Err(Failure::wrong_role("the session is not read-only")),
        Primary if in_recovery => Err(Failure::wrong_role("the server is a standby")),
        Standby if !in_recovery => Err(Failure::wrong_role("the server is not a standby")),
        _ => Ok(()),
    }
}

fn shuffle_if_asked<T>(target: &ConnectTarget, items: &mut [T]) {
    if target.order == Order::Random {
        random::shuffle(items);
    }
}

#[cfg(test)]
mod tests;
