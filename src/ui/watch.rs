//! Who is told what happens, where that depends on the form of the answer.

use super::events::EventLines;
use super::progress::Progress;
use crate::fleet::{Event, Observer};

/// Somebody who is told what happens.
#[derive(Debug)]
pub(crate) enum Watch {
    Progress(Progress),
    Lines(EventLines),
}

impl Watch {
    /// Takes a bar away, so that what follows begins on a line of its own.
    pub(crate) fn finish(self) {
        if let Self::Progress(progress) = self {
            progress.finish();
        }
    }
}

impl Observer for Watch {
    fn observe(&mut self, event: &Event) {
        match self {
            Self::Progress(progress) => progress.observe(event),
            Self::Lines(lines) => lines.observe(event),
        }
    }
}
