//! Metrics through the recorder of the crate `metrics` (feature `metrics`).
//!
//! Handles are fetched once, when the guard or the auth service is built. Without a recorder at that moment they do
//! nothing.

use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::Labels;

/// A monotonic counter of the recorder.
#[derive(Debug)]
pub(super) struct Counter(::metrics::Counter);

impl Counter {
    /// Creates a counter that the recorder does not see.
    pub(super) const fn none() -> Self {
        Self(::metrics::Counter::noop())
    }

    pub(super) fn new(name: &'static str, labels: &Labels, help: &'static str) -> Self {
        describe_counter!(name, Unit::Count, help);
        Self(counter!(name, labels))
    }

    pub(super) fn one(&self) {
        self.0.increment(1);
    }
}

/// A gauge of the recorder: 1 or 0.
#[derive(Debug)]
pub(super) struct Gauge(::metrics::Gauge);

impl Gauge {
    pub(super) fn new(name: &'static str, help: &'static str) -> Self {
        describe_gauge!(name, help);
        Self(gauge!(name))
    }

    pub(super) fn set(&self, is_on: bool) {
        self.0.set(f64::from(u8::from(is_on)));
    }
}

/// A histogram of the recorder, in seconds.
#[derive(Debug)]
pub(super) struct Histogram(::metrics::Histogram);

impl Histogram {
    pub(super) fn new(name: &'static str, help: &'static str) -> Self {
        describe_histogram!(name, Unit::Seconds, help);
        Self(histogram!(name))
    }

    pub(super) fn record(&self, time: Duration) {
        self.0.record(time);
    }
}
