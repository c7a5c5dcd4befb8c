//! What happens while a fleet works, told to whoever shows it.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::tenant::Slug;

/// Something that happened to a tenant.
#[derive(Debug, Clone)]
pub enum Event {
    /// It is known now how many tenants there are to work on.
    Planned {
        tenants: usize,
    },
    Started {
        slug: Slug,
    },
    /// A part of the work on one tenant begins.
    Step {
        slug: Slug,
        /// How many parts are done, of how many.
        done: usize,
        of: usize,
        /// What comes now: `rows of table users`.
        what: String,
    },
    /// The attempt failed in a way that often passes; there will be another after the pause.
    Retrying {
        slug: Slug,
        attempt: u32,
        pause: Duration,
        reason: String,
    },
    /// The tenant waits for a lock.
    Blocked {
        slug: Slug,
        /// How long it has been waiting.
        waiting: Duration,
        /// Who holds the lock.
        blocker: Blocker,
    },
    Finished {
        slug: Slug,
        ending: Ending,
        elapsed: Duration,
    },
    /// No more tenants are started.
    Draining {
        running: usize,
        not_started: usize,
    },
}

/// Who holds a lock that a tenant waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    pub pid: i32,
    /// User and program, as far as the server knows them.
    pub who: String,
    /// The statement that runs or ran last, without its constants.
    pub query: String,
    /// How long its transaction has been open.
    pub age: Duration,
}

/// How a tenant's work ended.
#[derive(Debug, Clone)]
pub enum Ending {
    Done,
    Skipped(String),
    Failed(String),
}

/// Hears what happens. The terminal's progress is one, a test's list another.
pub trait Observer {
    fn observe(&mut self, event: &Event);
}

/// For work that is watched from elsewhere.
impl Observer for mpsc::UnboundedSender<Event> {
    fn observe(&mut self, event: &Event) {
        // Nobody listens any more only when the run is over, and then the event does not matter.
        let _ = self.send(event.clone());
    }
}

/// For work that nobody watches.
#[derive(Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&mut self, _event: &Event) {}
}
