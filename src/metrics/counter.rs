//! A monotonic counter.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Labels, facade};

/// A counter of events.
#[derive(Debug)]
pub(crate) struct Counter {
    count: AtomicU64,
    recorded: facade::RecordedCounter,
}

impl Counter {
    /// Creates a counter with this name in the recorder.
    pub(super) fn named(name: &'static str, labels: &Labels, help: &'static str) -> Self {
        Self { count: AtomicU64::new(0), recorded: facade::counter(name, labels, help) }
    }

    /// Creates a counter that the recorder does not see.
    pub(super) const fn unnamed() -> Self {
        Self { count: AtomicU64::new(0), recorded: facade::unseen_counter() }
    }

    /// Adds one.
    pub(crate) fn one(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.recorded.one();
    }

    pub(super) fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
