//! How an error is shown and what exit code it is: this file alone decides both by the chain of causes.

use std::error::Error as StdError;
use std::fmt;

use crate::config::ConfigError;
use crate::db::conn::{ConnInfoError, ConnectError, ConnectErrorKind};
use crate::db::local::LocalError;
use crate::db::migrator::MigrateError;
use crate::db::{self, LockHeld, SchemaMissing, SessionError, Unterminated};
use crate::exit::ExitStatus;
use crate::fleet::{Report, causes};
use crate::ops::backup::BackupError;
use crate::ops::backup::format::FormatError;
use crate::ops::clone::CloneError;
use crate::ops::drop::DropError;
use crate::ops::exec::Refused;
use crate::ops::forward::ForwardError;
use crate::ops::health::HealthError;
use crate::ops::init::InitError;
use crate::ops::lint::LintError;
use crate::ops::log::Doubt;
use crate::ops::making::MakeError;
use crate::ops::migrate::RolloutError;
use crate::ops::migration_files::NewFileError;
use crate::ops::original::OriginalError;
use crate::ops::outside::NeededOutside;
use crate::ops::rehearse::{Mishap, RehearseError};
use crate::ops::retention::{CleanupError, Halt, TooMuch};
use crate::ops::roles::RolesError;
use crate::ops::roles::tenant::TenantRoleError;
use crate::ops::scaffold::ScaffoldError;
use crate::ops::seed::FixtureError;
use crate::ops::template::TemplateError;
use crate::tenant::{DomainError, NamingError, RegistryError, SelectionError, SlugError};

/// Arguments that cannot be used together, or not here.
#[derive(Debug)]
pub struct UsageError {
    message: String,
    hint: Option<String>,
}

impl UsageError {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for UsageError {}

/// An error in the form in which it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was being tried, or what went wrong.
    pub message: String,
    /// Why, each cause adding something.
    pub causes: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The connected role lacks a privilege, and no cause knows better than to take another role.
    pub wants_role: bool,
    pub status: ExitStatus,
}

/// Reads an error from the outside in: the first cause that knows a hint, or an exit code, decides it.
pub fn diagnose(error: &anyhow::Error) -> Diagnosis {
    let mut lines = causes(error.as_ref());
    let message = lines.remove(0);
    let hint = error.chain().find_map(hint);
    Diagnosis {
        message,
        causes: lines,
        wants_role: hint.is_none() && error.chain().any(is_denied),
        hint,
        status: error.chain().find_map(status).unwrap_or(ExitStatus::Failed),
    }
}

/// The exit code of a run over tenants. When nothing was done and every failure is of one kind, such as a database
/// that cannot be reached, that kind decides; otherwise the counts do.
pub fn fleet_status<T>(report: &Report<T>) -> ExitStatus {
    let status = report.exit_status();
    if status != ExitStatus::Failed {
        return status;
    }
    let mut kinds = report.failures().map(|(_, error)| diagnose(error).status);
    match kinds.next() {
        Some(first) if report.done().next().is_none() && kinds.all(|kind| kind == first) => first,
        _ => status,
    }
}

/// What a run ends with of which two parts ended so: the worse of both. An interruption is the worst, since it says that
/// nobody looked at the rest; what tells a reason is worse than what tells only how far it went.
pub fn worse(one: ExitStatus, other: ExitStatus) -> ExitStatus {
    let badness = |status: ExitStatus| match status {
        ExitStatus::Done => 0,
        ExitStatus::No => 1,
        ExitStatus::Partial => 2,
        ExitStatus::Failed => 3,
        ExitStatus::Locked => 4,
        ExitStatus::Unreachable => 5,
        ExitStatus::Usage => 6,
        ExitStatus::Interrupted => 7,
    };
    if badness(other) > badness(one) { other } else { one }
}

type Cause<'a> = &'a (dyn StdError + 'static);

fn is_denied(cause: Cause<'_>) -> bool {
    cause.downcast_ref().is_some_and(db::Error::is_denied)
}

fn hint(cause: Cause<'_>) -> Option<String> {
    fn of<E: StdError + 'static>(cause: Cause<'_>, hint: impl Fn(&E) -> Option<String>) -> Option<String> {
        cause.downcast_ref::<E>().and_then(hint)
    }
    let owned = |hint: &str| hint.to_owned();
    of(cause, |error: &UsageError| error.hint.clone())
        .or_else(|| of(cause, |error: &RehearseError| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &Mishap| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &Doubt| error.hint().map(owned)))
        .or_else(|| of(cause, TenantRoleError::hint))
        .or_else(|| of(cause, |error: &RolesError| error.hint().map(owned)))
        .or_else(|| of(cause, CloneError::hint))
        .or_else(|| of(cause, BackupError::hint))
        .or_else(|| of(cause, |error: &FormatError| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &ConfigError| error.hint().map(owned)))
        .or_else(|| of(cause, ConnInfoError::hint))
        .or_else(|| of(cause, ConnectError::hint))
        .or_else(|| of(cause, SessionError::hint))
        .or_else(|| of(cause, db::Error::hint))
        .or_else(|| of(cause, LocalError::hint))
        .or_else(|| of(cause, RegistryError::hint))
        .or_else(|| of(cause, SelectionError::hint))
        .or_else(|| of(cause, MakeError::hint))
        .or_else(|| of(cause, DropError::hint))
        .or_else(|| of(cause, |error: &NeededOutside| Some(error.hint())))
        .or_else(|| of(cause, |error: &OriginalError| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &InitError| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &TemplateError| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &NewFileError| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &ScaffoldError| error.hint().map(owned)))
        .or_else(|| of(cause, FixtureError::hint))
        .or_else(|| of(cause, LintError::hint))
        .or_else(|| of(cause, HealthError::hint))
        .or_else(|| of(cause, |error: &RolloutError| error.hint().map(owned)))
        .or_else(|| of(cause, ForwardError::hint))
        .or_else(|| of(cause, |error: &SchemaMissing| Some(owned(error.hint()))))
        .or_else(|| of(cause, |error: &CleanupError| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &Halt| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &TooMuch| error.hint().map(owned)))
        .or_else(|| of(cause, |error: &LockHeld| Some(error.hint().to_owned())))
        .or_else(|| {
            of(cause, |_: &DomainError| {
                Some("give a host name such as `acme.example`".to_owned())
            })
        })
        .or_else(|| {
            of(cause, |error: &SlugError| {
                error.suggestion().map(|slug| format!("use `{slug}` instead"))
            })
        })
        .or_else(|| of(cause, refused_hint))
}

fn refused_hint(error: &Refused) -> Option<String> {
    let hint = match error {
        Refused::EndsTransaction { .. } => "leave it out: each tenant's statements are committed together",
        Refused::NeedsNoTransaction { .. } => "run it with `psql`, one schema after the other",
        Refused::ChangesReading { .. } => "leave it out; `E'…'` has escapes, and the text is UTF-8",
        Refused::Copy { .. } => "use `SELECT` with `--output csv`, or `psql`",
        Refused::Nul { .. } => "check that the file is SQL in UTF-8",
        Refused::Empty => "pass statements with `--sql` or `--file`",
    };
    Some(hint.to_owned())
}

fn status(cause: Cause<'_>) -> Option<ExitStatus> {
    if cause.is::<UsageError>()
        || cause.is::<ConfigError>()
        || cause.is::<ConnInfoError>()
        || cause.is::<SlugError>()
        || cause.is::<NamingError>()
        || cause.is::<DomainError>()
        || cause.is::<Refused>()
        || cause.is::<Unterminated>()
        || cause.is::<FixtureError>()
        || cause.is::<LintError>()
    {
        return Some(ExitStatus::Usage);
    }
    if cause.is::<LockHeld>() {
        return Some(ExitStatus::Locked);
    }
    if let Some(error) = cause.downcast_ref::<ConnectError>() {
        return Some(match error.kind() {
            ConnectErrorKind::Unreachable | ConnectErrorKind::WrongRole => ExitStatus::Unreachable,
            ConnectErrorKind::Refused | ConnectErrorKind::Tls => ExitStatus::Usage,
        });
    }
    match cause.downcast_ref::<SessionError>() {
        Some(SessionError::PoolExhausted(_)) => return Some(ExitStatus::Unreachable),
        Some(SessionError::DifferentDatabases { .. }) => return Some(ExitStatus::Usage),
        _ => {}
    }
    match cause.downcast_ref::<RegistryError>() {
        Some(RegistryError::NotInitialised | RegistryError::Unfamiliar | RegistryError::Unknown { .. }) => {
            return Some(ExitStatus::Usage);
        }
        Some(RegistryError::SlugTaken(_)) => return Some(ExitStatus::Failed),
        _ => {}
    }
    if let Some(SelectionError::Unknown(..) | SelectionError::Suspended(_)) = cause.downcast_ref() {
        return Some(ExitStatus::Usage);
    }
    if let Some(
        OriginalError::NoTemplate(_) | OriginalError::NoReferenceTable { .. } | OriginalError::CannotCopy(_),
    ) = cause.downcast_ref()
    {
        return Some(ExitStatus::Usage);
    }
    if cause
        .downcast_ref::<RolloutError>()
        .is_some_and(RolloutError::is_usage)
    {
        return Some(ExitStatus::Usage);
    }
    if cause
        .downcast_ref::<CleanupError>()
        .is_some_and(CleanupError::is_usage)
        || cause.downcast_ref().is_some_and(Halt::is_usage)
    {
        return Some(ExitStatus::Usage);
    }
    if let Some(HealthError::UnknownCheck { .. }) = cause.downcast_ref() {
        return Some(ExitStatus::Usage);
    }
    if cause
        .downcast_ref::<BackupError>()
        .is_some_and(BackupError::is_usage)
    {
        return Some(ExitStatus::Usage);
    }
    if let Some(TemplateError::OfTenant { .. }) = cause.downcast_ref() {
        return Some(ExitStatus::Usage);
    }
    if let Some(NewFileError::NoName(_) | NewFileError::LongName(_) | NewFileError::Folder { .. }) =
        cause.downcast_ref()
    {
        return Some(ExitStatus::Usage);
    }
    if let Some(ScaffoldError::Exist(_)) = cause.downcast_ref() {
        return Some(ExitStatus::Usage);
    }
    if let Some(MigrateError::Files { .. }) = cause.downcast_ref() {
        return Some(ExitStatus::Usage);
    }
    let error = cause.downcast_ref::<db::Error>()?;
    if error.is_interrupted() {
        Some(ExitStatus::Interrupted)
    } else {
        error.is_connection_lost().then_some(ExitStatus::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::create::CreateError;
    use crate::tenant::Slug;

    #[test]
    fn a_cause_that_repeats_the_line_above_is_left_out() {
        let inner = RegistryError::SlugTaken("acme".parse::<Slug>().expect("a slug"));
        let error = anyhow::Error::new(CreateError::Registry(inner)).context("creating");
        let diagnosis = diagnose(&error);
        assert_eq!(diagnosis.message, "creating");
        assert_eq!(diagnosis.causes, ["tenant `acme` already exists"]);
        assert_eq!(diagnosis.status, ExitStatus::Failed);
        assert!(diagnosis.hint.expect("a hint").contains("--if-not-exists"));
    }

    #[test]
    fn mistakes_of_the_caller_are_usage_errors() {
        let slug = "Bad Slug".parse::<Slug>().expect_err("no slug");
        let diagnosis = diagnose(&slug.into());
        assert_eq!(diagnosis.status, ExitStatus::Usage);
        assert_eq!(diagnosis.hint.as_deref(), Some("use `bad-slug` instead"));
        assert_eq!(diagnose(&UsageError::new("no").into()).status, ExitStatus::Usage);
    }

    #[test]
    fn a_run_of_two_parts_ends_as_the_worse_of_them() {
        use ExitStatus::{Done, Failed, Interrupted, Locked, No, Partial, Unreachable, Usage};
        let ascending = [Done, No, Partial, Failed, Locked, Unreachable, Usage, Interrupted];
        for (place, one) in ascending.into_iter().enumerate() {
            for other in ascending.into_iter().take(place + 1) {
                assert_eq!((worse(one, other), worse(other, one)), (one, one));
            }
        }
    }

    #[test]
    fn anything_else_has_failed() {
        assert_eq!(diagnose(&anyhow::anyhow!("no")).status, ExitStatus::Failed);
    }
}
