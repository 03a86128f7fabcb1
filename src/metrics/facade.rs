//! Metrics through the recorder of the crate `metrics` (feature `metrics`).
//!
//! Handles are fetched once, when the guard or the auth service is built. Without a recorder at that moment they do
//! nothing.

use std::time::Duration;

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use super::Labels;

/// A monotonic counter of the recorder.
#[derive(Debug)]
pub(super) struct RecordedCounter(::metrics::Counter);

/// A gauge of the recorder.
#[derive(Debug)]
pub(super) struct RecordedGauge(::metrics::Gauge);

/// A histogram of the recorder, in seconds.
#[derive(Debug)]
pub(super) struct RecordedHistogram(::metrics::Histogram);

/// Returns a counter that the recorder does not see.
pub(super) const fn unseen_counter() -> RecordedCounter {
    RecordedCounter(::metrics::Counter::noop())
}

/// Describes a counter to the recorder, and returns its handle.
pub(super) fn counter(name: &'static str, labels: &Labels, help: &'static str) -> RecordedCounter {
    describe_counter!(name, Unit::Count, help);
    RecordedCounter(::metrics::counter!(name, labels))
}

/// Describes a gauge to the recorder, and returns its handle.
pub(super) fn gauge(name: &'static str, help: &'static str) -> RecordedGauge {
    describe_gauge!(name, help);
    RecordedGauge(::metrics::gauge!(name))
}

/// Describes a histogram to the recorder, and returns its handle.
pub(super) fn histogram(name: &'static str, help: &'static str) -> RecordedHistogram {
    describe_histogram!(name, Unit::Seconds, help);
    RecordedHistogram(::metrics::histogram!(name))
}

impl RecordedCounter {
    pub(super) fn one(&self) {
        self.0.increment(1);
    }
}

impl RecordedGauge {
    pub(super) fn set(&self, value: u64) {
        // The recorder takes no integers; the gauges of this crate are small numbers.
        self.0.set(f64::from(u32::try_from(value).unwrap_or(u32::MAX)));
    }
}

impl RecordedHistogram {
    pub(super) fn record(&self, time: Duration) {
        self.0.record(time);
    }
}
