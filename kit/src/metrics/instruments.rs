//! Instruments: atomic numbers, which all tasks share.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Bounds in microseconds for work that takes from half a millisecond to ten seconds.
pub const WORK_BOUNDS: &[u64] = &[
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// Bounds in microseconds for waits, which mostly take no time at all.
pub const WAIT_BOUNDS: &[u64] =
    &[100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000];

/// Counter of events.
#[derive(Debug, Default)]
pub struct EventCounter(AtomicU64);

impl EventCounter {
    /// Adds one.
    pub fn one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Adds this number of events.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// Returns the number of events.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Number of things that exist at the moment.
#[derive(Debug, Default)]
pub struct LevelGauge(AtomicU64);

/// One thing of a gauge, counted until it is dropped.
#[derive(Debug)]
pub struct LevelPermit<'g>(&'g LevelGauge);

impl LevelGauge {
    /// Counts one more thing until the returned value is dropped.
    pub fn enter(&self) -> LevelPermit<'_> {
        self.0.fetch_add(1, Relaxed);
        LevelPermit(self)
    }

    /// Returns the number of things.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Drop for LevelPermit<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

/// Histogram with fixed buckets. Times are recorded in microseconds.
#[derive(Debug)]
pub struct BucketHistogram {
    bounds: &'static [u64],
    /// One count for each bound, and one for larger values.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// Counts of a histogram.
pub(super) struct BucketCounts {
    /// Largest value of each bucket, and the number of values in it.
    pub(super) buckets: Vec<BucketCount>,
    /// Number of values above the last bound.
    pub(super) above: u64,
    pub(super) sum: u64,
}

/// One bucket. It excludes the values of the buckets before it.
pub(super) struct BucketCount {
    pub(super) bound: u64,
    pub(super) count: u64,
}

impl BucketHistogram {
    /// Creates a histogram with these bounds, in ascending order.
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Records a value.
    pub fn record(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Records a time.
    pub fn record_time(&self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Returns the counts until now. Counts of one read may come from slightly different moments.
    pub(super) fn read(&self) -> BucketCounts {
        let mut counts = self.counts.iter().map(|count| count.load(Relaxed));
        let bounds = self.bounds.iter();
        let buckets = bounds.zip(&mut counts).map(|(bound, count)| BucketCount { bound: *bound, count }).collect();
        BucketCounts { buckets, above: counts.next().unwrap_or_default(), sum: self.sum.load(Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_at_a_bound_counts_in_the_lower_bucket() {
        let histogram = BucketHistogram::new(&[10, 100]);
        for value in [0, 10, 11, 100, 101, 5000] {
            histogram.record(value);
        }
        let read = histogram.read();
        let counts: Vec<_> = read.buckets.iter().map(|bucket| (bucket.bound, bucket.count)).collect();
        assert_eq!(counts, [(10, 2), (100, 2)]);
        assert_eq!((read.above, read.sum), (2, 5222));
    }

    #[test]
    fn gauge_counts_until_the_permit_is_dropped() {
        let gauge = LevelGauge::default();
        let (one, two) = (gauge.enter(), gauge.enter());
        assert_eq!(gauge.get(), 2);
        drop((one, two));
        assert_eq!(gauge.get(), 0);
    }
}
