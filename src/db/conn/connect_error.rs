//! Why a database could not be reached: every place that was tried, what went wrong there, and what to do about it.
//!
//! What the driver and the server said is turned into a [`Failure`] in `failure`; this file puts them together.

use std::fmt;

use tokio_postgres::error::SqlState;

use super::target::ConnectTarget;

/// What kind of trouble it is, which decides whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectErrorKind {
    /// Nobody answered, or nobody with time for us. The same attempt may succeed later.
    Unreachable,
    /// The server said no. Settings must change, here or there.
    Refused,
    /// There is no encrypted connection of the kind that was asked for.
    Tls,
    /// Servers answered, but none in the role `target_session_attrs` asks for.
    WrongRole,
}

impl ConnectErrorKind {
    /// Whether another server, or the same one later, may give a better answer.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Unreachable | Self::WrongRole)
    }
}

/// What went wrong at one place.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: ConnectErrorKind,
    pub(super) message: String,
    pub(super) sqlstate: Option<SqlState>,
    pub(super) hint: Option<String>,
}

/// One place that was tried in vain.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) place: String,
    pub(super) failure: Failure,
}

/// No connection could be made.
#[derive(Debug, Clone)]
pub struct ConnectError {
    doing: &'static str,
    dbname: String,
    user: String,
    attempts: Vec<Attempt>,
}

impl ConnectError {
    pub(super) fn new(target: &ConnectTarget, attempts: Vec<Attempt>) -> Self {
        Self {
            doing: "cannot connect to",
            dbname: target.dbname().to_owned(),
            user: target.user().to_owned(),
            attempts,
        }
    }

    /// The same for an attempt to do something else than log in.
    pub(super) fn while_doing(mut self, doing: &'static str) -> Self {
        self.doing = doing;
        self
    }

    /// A final answer counts before a wrong role, and that before silence.
    pub fn kind(&self) -> ConnectErrorKind {
        self.deciding()
            .map_or(ConnectErrorKind::Unreachable, |attempt| attempt.failure.kind)
    }

    pub fn sqlstate(&self) -> Option<&SqlState> {
        self.deciding()?.failure.sqlstate.as_ref()
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        self.deciding()?.failure.hint.clone()
    }

    fn deciding(&self) -> Option<&Attempt> {
        let of_kind = |kind| {
            self.attempts
                .iter()
                .find(move |attempt| attempt.failure.kind == kind)
        };
        self.attempts
            .iter()
            .find(|attempt| !attempt.failure.kind.may_pass())
            .or_else(|| of_kind(ConnectErrorKind::WrongRole))
            .or_else(|| self.attempts.first())
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            doing,
            dbname,
            user,
            attempts,
        } = self;
        if let [Attempt { place, failure }] = attempts.as_slice() {
            return write!(f, "{doing} {dbname} on {place} as {user}: {}", failure.message);
        }
        write!(f, "{doing} {dbname} as {user}")?;
        for (index, Attempt { place, failure }) in attempts.iter().enumerate() {
            write!(
                f,
                "{} {place}: {}",
                if index == 0 { ":" } else { ";" },
                failure.message
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for ConnectError {}
