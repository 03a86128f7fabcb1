//! Observations of clients, on one monotonic clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Judgement, Revoked, Seen, judge};

/// A history in progress; clones share it.
#[derive(Clone, Debug)]
pub struct History {
    origin: Instant,
    entries: Arc<Mutex<(Vec<Revoked>, Vec<Seen>)>>,
}

impl History {
    /// Returns an empty history, which starts now.
    pub fn start() -> Self {
        Self { origin: Instant::now(), entries: Arc::default() }
    }

    /// Returns the time since the start of the history.
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Adds a call that has ended.
    pub fn saw(&self, call: Seen) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).1.push(call);
    }

    /// Adds a revocation that has just been acknowledged, and returns the time.
    pub fn acknowledged(&self, session: usize) -> Duration {
        let acknowledged = self.now();
        let revoked = Revoked { session, acknowledged };
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).0.push(revoked);
        acknowledged
    }

    /// Returns the calls until now.
    pub fn calls(&self) -> Vec<Seen> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Judges the history, with this many guards.
    pub fn judge(&self, guards: usize) -> Judgement {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        judge(&entries.0, &entries.1, guards)
    }
}
