//! Being asked to stop: once to finish what is running, twice to cancel it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// How urgently the program should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Nobody asked.
    None,
    /// Start nothing more and let what runs finish.
    Drain,
    /// Cancel what runs.
    Cancel,
}

/// A shared request to stop. Signals raise it, the fleet's loop and `main` watch it.
#[derive(Debug, Clone)]
pub struct Stop {
    urgency: watch::Sender<Urgency>,
    patient: Arc<AtomicUsize>,
}

/// While this lives there is work that a first signal lets finish.
#[derive(Debug)]
pub struct Patience(Arc<AtomicUsize>);

impl Default for Stop {
    fn default() -> Self {
        Self {
            urgency: watch::Sender::new(Urgency::None),
            patient: Arc::default(),
        }
    }
}

impl Stop {
    /// Takes a signal. With tenants under way the first one drains; otherwise there is nothing to wait for.
    pub fn signal(&self) -> Urgency {
        let can_drain = self.patient.load(Ordering::SeqCst) > 0 && self.urgency() == Urgency::None;
        let urgency = if can_drain {
            Urgency::Drain
        } else {
            Urgency::Cancel
        };
        self.urgency.send_replace(urgency);
        urgency
    }

    /// How urgent it is now.
    pub fn urgency(&self) -> Urgency {
        *self.urgency.borrow()
    }

    /// Waits until it is at least this urgent.
    pub async fn reached(&self, wanted: Urgency) {
        let mut watched = self.urgency.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = watched.wait_for(|urgency| *urgency >= wanted).await;
    }

    /// Says that work is under way which a first signal lets finish.
    pub fn patience(&self) -> Patience {
        self.patient.fetch_add(1, Ordering::SeqCst);
        Patience(Arc::clone(&self.patient))
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_drains_a_fleet_and_the_second_cancels_it() {
        let stop = Stop::default();
        let patience = stop.patience();
        assert_eq!(stop.signal(), Urgency::Drain);
        assert_eq!(stop.signal(), Urgency::Cancel);
        drop(patience);
    }

    #[test]
    fn without_a_fleet_the_first_signal_cancels() {
        let stop = Stop::default();
        drop(stop.patience());
        assert_eq!(stop.signal(), Urgency::Cancel);
    }
}
