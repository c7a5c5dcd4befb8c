//! The sessions in use, so that their statements can be cancelled from outside.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::conn::Canceller;

/// Everything that may be running on the server for us.
#[derive(Default)]
pub(super) struct Running {
    cancellers: Mutex<HashMap<u64, Canceller>>,
    next: AtomicU64,
    stopped: AtomicBool,
}

impl Running {
    pub(super) fn register(self: &Arc<Self>, canceller: Canceller) -> Ticket {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.cancellers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, canceller.clone());
        Ticket {
            number,
            canceller,
            running: Arc::clone(self),
        }
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) async fn cancel_all(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let cancellers: Vec<Canceller> = self
            .cancellers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        futures_util::future::join_all(cancellers.iter().map(cancel)).await;
    }
}

async fn cancel(canceller: &Canceller) {
    if let Err(error) = canceller.cancel().await {
        tracing::debug!("{error}");
    }
}

/// A session's place among those that run.
pub(super) struct Ticket {
    number: u64,
    canceller: Canceller,
    running: Arc<Running>,
}

impl Ticket {
    /// Cancels this session's statement on the server.
    pub(super) async fn cancel(&self) {
        cancel(&self.canceller).await;
    }

    /// Whether everything was cancelled because the program was asked to stop.
    pub(super) fn was_cancelled(&self) -> bool {
        self.running.stopped()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.running
            .cancellers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.number);
    }
}
