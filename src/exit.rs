//! What the process tells its caller: one number per kind of ending.

use std::process::ExitCode;

/// The exit codes that scripts can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything asked for was done.
    Done,
    /// The work failed; nothing else was lost by it.
    Failed,
    /// The arguments, the configuration or the credentials have to change first.
    Usage,
    /// Some tenants failed and the rest finished.
    Partial,
    /// The question was answered, and the answer is no.
    No,
    /// The database could not be reached; the same call may succeed later.
    Unreachable,
    /// Another run holds the lock.
    Locked,
    /// Stopped by a signal before the work was complete.
    Interrupted,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::No => 4,
            Self::Unreachable => 5,
            Self::Locked => 6,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        ExitCode::from(status.code())
    }
}
