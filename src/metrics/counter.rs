//! Counters and gauges.

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

/// A number that rises and falls.
#[derive(Debug)]
pub(crate) struct Gauge {
    value: AtomicU64,
    recorded: facade::RecordedGauge,
}

impl Gauge {
    /// Creates a gauge with this name in the recorder.
    pub(super) fn named(name: &'static str, help: &'static str) -> Self {
        Self { value: AtomicU64::new(0), recorded: facade::gauge(name, help) }
    }

    /// Sets the number.
    pub(crate) fn set(&self, value: usize) {
        let value = u64::try_from(value).unwrap_or(u64::MAX);
        self.value.store(value, Ordering::Relaxed);
        self.recorded.set(value);
    }

    pub(super) fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}
