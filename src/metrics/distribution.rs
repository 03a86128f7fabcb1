//! Histograms of times.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::counter::Counter;
use super::facade;

/// A bucket of a histogram. It excludes the times of the buckets before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bucket {
    /// Longest time that the bucket counts.
    pub bound: Duration,
    /// Number of times.
    pub count: u64,
}

/// The counts of a histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Distribution {
    /// Buckets in ascending order.
    pub buckets: Vec<Bucket>,
    /// Times above the last bound.
    pub above: u64,
    /// Sum of all times, each truncated to microseconds.
    pub sum: Duration,
}

impl Distribution {
    /// Returns the number of recorded times.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum::<u64>() + self.above
    }
}

/// A histogram of times.
#[derive(Debug)]
pub(crate) struct Histogram<const N: usize> {
    bounds: [Duration; N],
    counts: [Counter; N],
    above: Counter,
    micros: AtomicU64,
    recorded: facade::RecordedHistogram,
}

impl<const N: usize> Histogram<N> {
    /// Creates a histogram with this name in the recorder. `bounds` are ascending milliseconds. The recorder uses its own
    /// bounds.
    pub(super) fn named(name: &'static str, help: &'static str, bounds: [u64; N]) -> Self {
        Self {
            bounds: bounds.map(Duration::from_millis),
            counts: array::from_fn(|_| Counter::unnamed()),
            above: Counter::unnamed(),
            micros: AtomicU64::new(0),
            recorded: facade::histogram(name, help),
        }
    }

    pub(crate) fn record(&self, time: Duration) {
        let place = self.bounds.iter().position(|bound| time <= *bound);
        place.map_or(&self.above, |place| &self.counts[place]).one();
        self.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.recorded.record(time);
    }

    pub(super) fn read(&self) -> Distribution {
        let counts = self.counts.iter().map(Counter::get);
        Distribution {
            buckets: self.bounds.into_iter().zip(counts).map(|(bound, count)| Bucket { bound, count }).collect(),
            above: self.above.get(),
            sum: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn time_at_a_bound_counts_in_the_lower_bucket() {
        let histogram = Histogram::named("times", "Times of a test", [10, 100]);
        for time in [ms(0), ms(10), ms(10) + Duration::from_nanos(1), ms(100), ms(101), Duration::from_hours(1)] {
            histogram.record(time);
        }
        let read = histogram.read();
        assert_eq!(read.buckets, [Bucket { bound: ms(10), count: 2 }, Bucket { bound: ms(100), count: 2 }]);
        assert_eq!((read.above, read.count()), (2, 6));
        assert_eq!(read.sum, Duration::from_hours(1) + ms(221));
    }
}
