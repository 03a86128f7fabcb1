//! What clients have seen, on one monotonic clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Judgement, Revoked, Seen, judge};

/// A history that is being written; clones are the same one.
#[derive(Clone, Debug)]
pub struct History {
    origin: Instant,
    entries: Arc<Mutex<(Vec<Revoked>, Vec<Seen>)>>,
}

impl History {
    /// An empty one, which begins now.
    pub fn start() -> Self {
        Self { origin: Instant::now(), entries: Arc::default() }
    }

    /// The time since its beginning.
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Adds a call that has ended.
    pub fn saw(&self, call: Seen) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).1.push(call);
    }

    /// Adds a revocation that has just been acknowledged: when.
    pub fn acknowledged(&self, session: usize) -> Duration {
        let acknowledged = self.now();
        let revoked = Revoked { session, acknowledged };
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).0.push(revoked);
        acknowledged
    }

    /// The calls until now.
    pub fn calls(&self) -> Vec<Seen> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// What comes of it, with so many guards.
    pub fn judge(&self, guards: usize) -> Judgement {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        judge(&entries.0, &entries.1, guards)
    }
}
