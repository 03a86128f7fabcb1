//! Observations of clients, on one monotonic clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{CheckResult, ObservedCall, Revoked, check};

/// A history in progress; clones share it.
#[derive(Clone, Debug)]
pub struct RevocationHistory {
    origin: Instant,
    entries: Arc<Mutex<HistoryEntries>>,
}

#[derive(Debug, Default)]
struct HistoryEntries {
    revoked: Vec<Revoked>,
    calls: Vec<ObservedCall>,
}

impl RevocationHistory {
    /// Returns an empty history, which starts now.
    pub fn start() -> Self {
        Self { origin: Instant::now(), entries: Arc::default() }
    }

    /// Returns the time since the start of the history.
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Adds a call that has ended.
    pub fn record(&self, call: ObservedCall) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).calls.push(call);
    }

    /// Adds a revocation that has just been acknowledged, and returns the time.
    pub fn acknowledged(&self, session: usize) -> Duration {
        let acknowledged = self.now();
        let revoked = Revoked { session, acknowledged };
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).revoked.push(revoked);
        acknowledged
    }

    /// Returns the calls until now.
    pub fn calls(&self) -> Vec<ObservedCall> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }

    /// Checks the history, with this many guards.
    pub fn check(&self, guards: usize) -> CheckResult {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        check(&entries.revoked, &entries.calls, guards)
    }
}
