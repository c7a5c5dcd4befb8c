//! What PostgreSQL, or the way to it, said instead of answering.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::error::{DbError, ErrorPosition, Severity, SqlState};

/// A statement that failed. Displays the server's own words with the SQLSTATE; the driver alone says "db error".
#[derive(Debug, Clone)]
pub struct Error(Arc<Cause>);

#[derive(Debug)]
enum Cause {
    Driver(tokio_postgres::Error),
    TimedOut(Duration),
    Interrupted,
    /// The connection was lost when nobody could say whether the commit had arrived.
    CommitUnknown(tokio_postgres::Error),
    /// A transaction was to be committed although a statement of it had failed.
    NothingToCommit(tokio_postgres::Error),
}

impl Error {
    pub(super) fn timed_out(limit: Duration) -> Self {
        Self(Arc::new(Cause::TimedOut(limit)))
    }

    pub(super) fn interrupted() -> Self {
        Self(Arc::new(Cause::Interrupted))
    }

    /// The same error, of a `COMMIT`.
    pub(super) fn while_committing(self) -> Self {
        let meaning = match self.is_connection_lost() {
            true => Cause::CommitUnknown,
            false if self.has_code(&[SqlState::IN_FAILED_SQL_TRANSACTION]) => Cause::NothingToCommit,
            false => return self,
        };
        match Arc::try_unwrap(self.0) {
            Ok(Cause::Driver(error)) => Self(Arc::new(meaning(error))),
            Ok(other) => Self(Arc::new(other)),
            Err(shared) => Self(shared),
        }
    }

    fn server(&self) -> Option<&DbError> {
        match self.0.as_ref() {
            Cause::Driver(error) | Cause::CommitUnknown(error) | Cause::NothingToCommit(error) => {
                error.as_db_error()
            }
            Cause::TimedOut(_) | Cause::Interrupted => None,
        }
    }

    /// The server's code for what went wrong, when it was the server that spoke.
    pub fn sqlstate(&self) -> Option<&str> {
        self.server().map(|error| error.code().code())
    }

    /// The constraint that was violated.
    pub fn constraint(&self) -> Option<&str> {
        self.server().and_then(DbError::constraint)
    }

    /// The character of the message at which the server found fault, counted from 0.
    pub(super) fn position(&self) -> Option<usize> {
        match self.server()?.position()? {
            ErrorPosition::Original(position) => usize::try_from(position.checked_sub(1)?).ok(),
            ErrorPosition::Internal { .. } => None,
        }
    }

    /// Whether the same work may well succeed when it is done again: a lock that came too late, a deadlock or a
    /// serialization failure.
    pub fn is_transient(&self) -> bool {
        self.has_code(&[
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
        ])
    }

    /// Whether the connection is gone, and with it the knowledge of whether a commit under way took effect.
    pub fn is_connection_lost(&self) -> bool {
        match self.0.as_ref() {
            Cause::Driver(error) => match error.as_db_error() {
                Some(server) => {
                    is_lost_connection(server)
                        || self.has_code(&[
                            SqlState::ADMIN_SHUTDOWN,
                            SqlState::CRASH_SHUTDOWN,
                            SqlState::CANNOT_CONNECT_NOW,
                        ])
                }
                None => error.is_closed() || is_io_failure(error),
            },
            Cause::CommitUnknown(_) => true,
            Cause::TimedOut(_) | Cause::Interrupted | Cause::NothingToCommit(_) => false,
        }
    }

    /// Whether the statement ended because this program was asked to stop.
    pub fn is_interrupted(&self) -> bool {
        matches!(*self.0, Cause::Interrupted)
    }

    /// Whether the connected role lacks a privilege.
    pub fn is_denied(&self) -> bool {
        self.has_code(&[SqlState::INSUFFICIENT_PRIVILEGE])
    }

    /// Whether the server stumbled over its own catalogs, as it does where something is dropped under its hands.
    pub fn is_internal(&self) -> bool {
        self.has_code(&[
            SqlState::INTERNAL_ERROR,
            SqlState::UNDEFINED_OBJECT,
            SqlState::UNDEFINED_TABLE,
        ])
    }

    /// Whether the server's lock table, which all transactions share, was full.
    fn is_out_of_locks(&self) -> bool {
        self.has_code(&[SqlState::OUT_OF_MEMORY])
            && self
                .server()
                .and_then(DbError::hint)
                .is_some_and(|hint| hint.contains("max_locks_per_transaction"))
    }

    /// Whether the statement itself is at fault, so that the same one fails again: not a lock, a full disk, a lost
    /// connection or somebody who cancelled it.
    pub fn lies_in_the_statement(&self) -> bool {
        const ELSEWHERE: [&str; 5] = ["40", "53", "55P03", "57", "58"];
        !self.is_connection_lost()
            && self
                .sqlstate()
                .is_some_and(|code| !ELSEWHERE.iter().any(|class| code.starts_with(class)))
    }

    fn has_code(&self, codes: &[SqlState]) -> bool {
        self.server().is_some_and(|error| codes.contains(error.code()))
    }

    /// Whether it arose in something that the statement set off, such as a trigger, and not in the statement itself.
    pub fn arose_within(&self) -> bool {
        self.server().is_some_and(|error| error.where_().is_some())
    }

    /// What a log may keep of it: no detail, and no words that may hold data.
    pub fn without_data(&self) -> String {
        match self.server() {
            Some(server) if !self.is_connection_lost() => redacted(server.message(), server.code().code()),
            _ => self.to_string(),
        }
    }

    /// What to do next, where the server's words alone do not say.
    pub fn hint(&self) -> Option<String> {
        if let Cause::TimedOut(_) = *self.0 {
            return Some(
                "raise `database.query_timeout`, or look for what blocks it in `pg_stat_activity`".to_owned(),
            );
        }
        if let Cause::CommitUnknown(_) = *self.0 {
            return Some("look whether the change is there before doing it again".to_owned());
        }
        // PgBouncer's word.
        if self
            .server()
            .is_some_and(|error| error.message() == "query_wait_timeout")
        {
            return Some(
                "the pooler had no connection to the server to spare, and some work needs two at once: raise its \
                 `default_pool_size`, or set DIRECT_URL to the database itself"
                    .to_owned(),
            );
        }
        if self.is_connection_lost() {
            return Some("look into the server's log; what was not committed has been undone".to_owned());
        }
        let server = self.server()?;
        let advice = match server.code() {
            code if *code == SqlState::LOCK_NOT_AVAILABLE => {
                "another session holds a lock; try again, or raise `tenants.lock_timeout`"
            }
            _ if self.is_out_of_locks() => {
                "the server has no room for more locks in one transaction: raise `max_locks_per_transaction` and \
                 restart it, or lower `--jobs`"
            }
            code if *code == SqlState::DISK_FULL => "free space on the server's disk; nothing was changed",
            code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
                "connect to the primary, or pass `--write` where the command has it"
            }
            _ => return server.hint().map(str::to_owned),
        };
        Some(advice.to_owned())
    }
}

/// The server's message with its code, without values. Those stand in quotes; in errors about names and constraints so
/// do the names, which stay. The words of a `RAISE` may be anything.
fn redacted(message: &str, code: &str) -> String {
    const QUOTES: [char; 9] = ['"', '\'', '`', '«', '»', '“', '”', '„', '‘'];
    let quotes_names = code.starts_with("23") || code.starts_with("42") && code != "42601";
    if code == "P0001" {
        return format!("raised by the statement ({code})");
    }
    match (message.find(QUOTES), message.rfind(QUOTES)) {
        (Some(first), Some(last)) if !quotes_names => {
            let after = message[last..].chars().next().map_or(0, char::len_utf8);
            format!("{}'…'{} ({code})", &message[..first], &message[last + after..])
        }
        _ => format!("{message} ({code})"),
    }
}

/// Whether the server, or the pooler before it, says that the connection is over. PgBouncer speaks of a protocol
/// violation when it has lost the server. So does a server that was sent something odd, but that goes on.
fn is_lost_connection(error: &DbError) -> bool {
    let ends_it = match error.parsed_severity() {
        Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
        None => error.severity() == "FATAL",
    };
    error.code().code().starts_with("08") && (ends_it || *error.code() != SqlState::PROTOCOL_VIOLATION)
}

/// Whether reading or writing failed. What could not be sent at all, such as a text with a NUL byte, comes as an
/// `io::Error` too.
fn is_io_failure(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|error| error.kind() != std::io::ErrorKind::InvalidInput)
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(Arc::new(Cause::Driver(error)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_ref() {
            Cause::TimedOut(limit) => {
                write!(
                    f,
                    "no answer within {} ms, the statement was cancelled",
                    limit.as_millis()
                )
            }
            Cause::Interrupted => f.write_str("cancelled on request"),
            Cause::CommitUnknown(_) => f.write_str(
                "the connection was lost during the commit, which may or may not have taken effect",
            ),
            Cause::NothingToCommit(_) => {
                f.write_str("a statement of this transaction had failed, so nothing of it was done")
            }
            Cause::Driver(_) if self.is_connection_lost() => {
                f.write_str("the connection to the server was lost")?;
                self.server()
                    .map_or(Ok(()), |server| write!(f, ": {}", server.message()))
            }
            Cause::Driver(error) => match error.as_db_error() {
                Some(server) => {
                    write!(f, "{} ({})", server.message(), server.code().code())?;
                    server.detail().map_or(Ok(()), |detail| write!(f, ": {detail}"))
                }
                None => match std::error::Error::source(error) {
                    Some(source) => write!(f, "{error}: {source}"),
                    None => write!(f, "{error}"),
                },
            },
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_names_and_no_values() {
        for (message, code, kept) in [
            (
                "invalid input syntax for type integer: \"hun\"ter2\"",
                "22P02",
                "invalid input syntax for type integer: '…' (22P02)",
            ),
            (
                "value \"99999999999\" is out of range for type integer",
                "22003",
                "value '…' is out of range for type integer (22003)",
            ),
            (
                "syntax error at or near \"'hunter2'\"",
                "42601",
                "syntax error at or near '…' (42601)",
            ),
            (
                "syntaxe en entrée invalide : « hunter2 »",
                "22P02",
                "syntaxe en entrée invalide : '…' (22P02)",
            ),
            (
                "relation \"users\" does not exist",
                "42P01",
                "relation \"users\" does not exist (42P01)",
            ),
            ("hunter2 is wrong", "P0001", "raised by the statement (P0001)"),
            ("division by zero", "22012", "division by zero (22012)"),
            ("odd \"", "22000", "odd '…' (22000)"),
        ] {
            assert_eq!(redacted(message, code), kept);
        }
    }
}
