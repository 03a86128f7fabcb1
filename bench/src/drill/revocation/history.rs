//! Observations of clients, on one monotonic clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{CheckResult, ObservedCall, ObservedRevocation, check};

/// A history in progress; clones share it.
#[derive(Clone, Debug)]
pub struct RevocationHistory {
    origin: Instant,
    entries: Arc<Mutex<HistoryEntries>>,
}

/// Observations of a history.
#[derive(Clone, Debug, Default)]
pub struct HistoryEntries {
    /// Revocations, acknowledged or not.
    pub revocations: Vec<ObservedRevocation>,
    /// Checks of tokens.
    pub calls: Vec<ObservedCall>,
}

impl RevocationHistory {
    /// Returns an empty history, which starts now.
    pub fn start() -> Self {
        Self::since(Instant::now())
    }

    /// Returns an empty history whose times count from `origin`.
    pub fn since(origin: Instant) -> Self {
        Self { origin, entries: Arc::default() }
    }

    /// Returns the time since the start of the history.
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Adds a call that has ended.
    pub fn record(&self, call: ObservedCall) {
        self.entries().calls.push(call);
    }

    /// Adds a revocation, after its answer or without one.
    pub fn record_revocation(&self, revocation: ObservedRevocation) {
        self.entries().revocations.push(revocation);
    }

    /// Returns the calls until now.
    pub fn calls(&self) -> Vec<ObservedCall> {
        self.entries().calls.clone()
    }

    /// Returns the observations until now.
    pub fn entries(&self) -> MutexGuard<'_, HistoryEntries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the history, with this many guards.
    pub fn check(&self, guards: usize) -> CheckResult {
        self.entries().check(guards)
    }
}

impl HistoryEntries {
    /// Checks the observations, with this many guards.
    pub fn check(&self, guards: usize) -> CheckResult {
        check(&self.revocations, &self.calls, guards)
    }
}
