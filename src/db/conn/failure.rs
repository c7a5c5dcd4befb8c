//! Turns what the driver, the TLS library and the server say into a [`Failure`]: its kind, words and hint.
//!
//! The driver's error shows neither its kind nor the server's words by itself, so they are looked for in its causes.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use rustls::CertificateError;
use tokio_postgres::error::{DbError, SqlState};

use super::connect_error::{ConnectErrorKind, Failure};
use super::endpoint::{Address, Endpoint};
use super::target::ConnectTarget;
use super::tls::TlsError;

use ConnectErrorKind::{Refused, Tls, Unreachable, WrongRole};

impl Failure {
    fn new(kind: ConnectErrorKind, message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            sqlstate: None,
            hint,
        }
    }

    /// Whether a pooler lets nobody in without TLS.
    pub(super) fn wants_tls(&self) -> bool {
        begins_with(&self.message, &[NO_PLAIN_CONNECTION])
    }

    pub(super) fn no_answer(limit: Duration, endpoint: &Endpoint) -> Self {
        let hint =
            format!("check that {endpoint} is right and no firewall is in the way, or raise connect_timeout");
        Self::new(Unreachable, format!("no answer within {limit:?}"), Some(hint))
    }

    pub(super) fn wrong_role(message: &str) -> Self {
        let hint = "list all servers of the cluster in host, or change target_session_attrs";
        Self::new(WrongRole, message, Some(hint.to_owned()))
    }

    pub(super) fn from_lookup(error: &io::Error, name: &str) -> Self {
        let hint = format!("check the host name `{name}` and the name service");
        Self::new(Unreachable, plain_words(error), Some(hint))
    }

    pub(super) fn from_tls_setup(error: &TlsError) -> Self {
        Self::new(Tls, error.to_string(), error.hint())
    }

    /// What the driver returned from an attempt to log in.
    pub(super) fn from_driver(
        error: &tokio_postgres::Error,
        target: &ConnectTarget,
        endpoint: &Endpoint,
    ) -> Self {
        if let Some(error) = error.as_db_error() {
            return from_server(error, target);
        }
        if error.is_closed() {
            return hung_up(endpoint);
        }
        if let Some(error) = cause::<rustls::Error>(error) {
            return from_rustls(error);
        }
        let words = error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string);
        // A server that goes away during the handshake is away, with TLS as without.
        if let Some(error) = cause::<io::Error>(error)
            && is_hang_up(error)
        {
            return hung_up(endpoint);
        }
        // The kind of a driver error is private; its words are the only way to tell a handshake from a socket.
        if error.to_string().contains("TLS") {
            let hint =
                "turn `ssl` on in the server, or set sslmode to disable or prefer if the network is trusted";
            return Self::new(Tls, words, words_of_missing_tls(error).then(|| hint.to_owned()));
        }
        if let Some(error) = cause::<io::Error>(error) {
            return from_io(error, endpoint);
        }
        if words == "password missing" {
            let hint = "set PGPASSWORD, add a line to ~/.pgpass, or put the password into the URL";
            return Self::new(
                Refused,
                "the server asks for a password and none is given",
                Some(hint.to_owned()),
            );
        }
        let hint = words.contains("channel binding").then(|| {
            "connect with TLS to a server that asks for SCRAM, or set channel_binding=prefer".to_owned()
        });
        Self::new(Refused, words, hint)
    }
}

fn from_server(error: &DbError, target: &ConnectTarget) -> Failure {
    let code = error.code();
    let detail = error
        .detail()
        .map(|detail| format!(": {detail}"))
        .unwrap_or_default();
    let message = format!("{} ({}){detail}", error.message(), code.code());
    let kind = match code.code() {
        // Starting up, shutting down, crashed, an administrator's doing, too slow to log in.
        "57P01" | "57P02" | "57P03" | "57014" => Unreachable,
        "08P01" if is_for_good(error.message()) => Refused,
        // Out of connections, memory or disk; a pooler's or network's trouble.
        code if code.starts_with("53") || code.starts_with("08") => Unreachable,
        _ => Refused,
    };
    let hint = hint_for(code, error.message(), target);
    Failure {
        kind,
        message,
        sqlstate: Some(code.clone()),
        hint,
    }
}

fn hint_for(code: &SqlState, message: &str, target: &ConnectTarget) -> Option<String> {
    let (dbname, user) = (target.dbname(), target.user());
    let by_pooler =
        |refusals: &[&str]| *code == SqlState::PROTOCOL_VIOLATION && begins_with(message, refusals);
    let hint = if *code == SqlState::INVALID_PASSWORD || by_pooler(&WRONG_PASSWORD) {
        "check the password in the URL, PGPASSWORD or ~/.pgpass".to_owned()
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && message.contains("pg_hba.conf") {
        if message.contains("no encryption") {
            "set sslmode=require, or let plain connections in through pg_hba.conf".to_owned()
        } else {
            format!(
                "add a line for user `{user}` and database `{dbname}` to the server's pg_hba.conf and reload it"
            )
        }
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && message.starts_with("Peer") {
        format!("run as the operating system user `{user}`, or connect through TCP with a password")
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && message.contains("client certificate")
    {
        "set sslcert and sslkey to a certificate the server trusts".to_owned()
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        format!("check that the role `{user}` exists and may log in")
    } else if by_pooler(&[NO_PLAIN_CONNECTION]) {
        "set sslmode=require".to_owned()
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        format!("check the name, or create the database with `createdb {dbname}`")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        format!("grant CONNECT on the database `{dbname}` to `{user}`")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        "use fewer connections, or raise max_connections or the role's or database's limit".to_owned()
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        "the server is starting up or shutting down; try again shortly".to_owned()
    } else {
        return None;
    };
    Some(hint)
}

/// Whether a pooler says no to what it was asked for. PgBouncer has one code for that and for troubles of its own.
fn is_for_good(message: &str) -> bool {
    const REFUSALS: [&str; 9] = [
        "unsupported startup parameter",
        "unsupported options startup parameter",
        "no such database",
        "no such user",
        "certificate authentication failed",
        "pam authentication failed",
        "\"trust\" authentication failed",
        "unix socket login rejected",
        NO_PLAIN_CONNECTION,
    ];
    begins_with(message, &REFUSALS) || begins_with(message, &WRONG_PASSWORD)
}

/// What PgBouncer says of a wrong password.
const WRONG_PASSWORD: [&str; 3] = [
    "password authentication failed",
    "sasl authentication failed",
    "scram authentication failed",
];

/// What PgBouncer says where it wants TLS.
const NO_PLAIN_CONNECTION: &str = "ssl required";

/// Versions differ in how they write it.
fn begins_with(message: &str, words: &[&str]) -> bool {
    let message = message.to_ascii_lowercase();
    words.iter().any(|words| message.starts_with(words))
}

fn is_hang_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn hung_up(endpoint: &Endpoint) -> Failure {
    let hint = format!(
        "look into the server's log for the reason, and check that {endpoint} is a PostgreSQL server"
    );
    Failure::new(Unreachable, "the server closed the connection", Some(hint))
}

fn from_io(error: &io::Error, endpoint: &Endpoint) -> Failure {
    let is_socket = endpoint.is_socket();
    let start = match &endpoint.address {
        Address::Socket(_) => {
            format!("start the server whose socket is {endpoint}, or name its directory in host")
        }
        _ => format!("check that a server listens on {endpoint}"),
    };
    match error.kind() {
        io::ErrorKind::NotFound if is_socket => {
            Failure::new(Unreachable, "there is no such socket", Some(start))
        }
        io::ErrorKind::PermissionDenied if is_socket => {
            let hint = "run as a user who may use the socket, or connect through TCP";
            Failure::new(Refused, "this user may not use the socket", Some(hint.to_owned()))
        }
        // What came back made no sense.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            let hint = format!("check that {endpoint} is a PostgreSQL server");
            Failure::new(Refused, plain_words(error), Some(hint))
        }
        _ if is_hang_up(error) => hung_up(endpoint),
        // The driver's framing: the other side hung up inside of what would have been a message.
        _ if error.to_string() == "bytes remaining on stream" => {
            let hint = format!("check that {endpoint} is a PostgreSQL server");
            Failure::new(Unreachable, "the answer broke off", Some(hint))
        }
        _ => Failure::new(Unreachable, plain_words(error), Some(start)),
    }
}

fn from_rustls(error: &rustls::Error) -> Failure {
    use rustls::Error::{AlertReceived, InvalidCertificate};
    let trust = "set sslrootcert to the certificate of the authority that signed the server's";
    let (message, hint) = match error {
        InvalidCertificate(CertificateError::UnknownIssuer) => (
            "the server's certificate is not signed by a trusted authority".to_owned(),
            Some(trust),
        ),
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => (
            "the server's certificate has expired".to_owned(),
            Some("renew the server's certificate"),
        ),
        InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => (
            "the server's certificate is not valid yet".to_owned(),
            Some("check the clocks of this machine and of the server"),
        ),
        InvalidCertificate(CertificateError::Revoked) => (
            "the server's certificate is revoked".to_owned(),
            Some("issue the server another certificate"),
        ),
        InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented }) => {
            let message = match presented.as_slice() {
                [] => format!(
                    "the server's certificate names no host, so it is not for {}",
                    expected.to_str()
                ),
                names => {
                    let names: Vec<_> = names.iter().map(|name| bare_name(name)).collect();
                    format!(
                        "the server's certificate is for {}, not {}",
                        names.join(", "),
                        expected.to_str()
                    )
                }
            };
            let hint = "connect by a name in the certificate's subjectAltName, or set sslmode=verify-ca";
            (message, Some(hint))
        }
        InvalidCertificate(error) => (
            format!("the server's certificate cannot be used: {error}"),
            Some("issue the server an X.509 version 3 certificate with a subjectAltName"),
        ),
        AlertReceived(alert) => (
            format!("the server broke off the TLS handshake: {alert:?}"),
            Some(
                "check sslcert and sslkey if the server asks for a certificate, and the TLS versions it allows",
            ),
        ),
        error => (error.to_string(), None),
    };
    Failure::new(Tls, message, hint.map(str::to_owned))
}

/// webpki presents names as `DnsName("db")`.
fn bare_name(presented: &str) -> &str {
    presented
        .split_once('(')
        .and_then(|(_, name)| name.strip_suffix(')'))
        .unwrap_or(presented)
        .trim_matches('"')
}

fn words_of_missing_tls(error: &tokio_postgres::Error) -> bool {
    error
        .source()
        .is_some_and(|cause| cause.to_string().contains("does not support TLS"))
}

/// The first cause of a type, also inside I/O errors, which hide what they wrap from the chain.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// An I/O error in the words of this program: lower case, without the number.
fn plain_words(error: &io::Error) -> String {
    let words = error.to_string();
    let words = words.split(" (os error").next().unwrap_or_default();
    let mut chars = words.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
