//! Metrics of the hashing threads and their queue.

use std::time::Instant;

use kit::metrics::{BucketHistogram, EventCounter, WAIT_BOUNDS, WORK_BOUNDS};

use super::argon2id::Buffer;
use super::queue::FairQueue;

/// Counters that the hasher's callers and threads share.
#[derive(Debug)]
pub(super) struct HashCounters {
    pub(super) refused: EventCounter,
    waits: BucketHistogram,
    work: BucketHistogram,
}

/// Metrics of a hasher.
pub(crate) struct HashMetrics<'h> {
    pub(super) queue: &'h FairQueue<HashJob>,
    pub(super) counters: &'h HashCounters,
}

/// Work of a hashing thread.
pub(super) type HashJob = Box<dyn FnOnce(&mut Buffer) + Send>;

impl Default for HashCounters {
    fn default() -> Self {
        Self {
            refused: EventCounter::default(),
            waits: BucketHistogram::new(WAIT_BOUNDS),
            work: BucketHistogram::new(WORK_BOUNDS),
        }
    }
}

impl HashCounters {
    /// Runs the work of a job that has waited since `queued`, and records both times.
    pub(super) fn measure<T>(&self, queued: Instant, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        self.waits.record_time(begun.duration_since(queued));
        let done = work();
        self.work.record_time(begun.elapsed());
        done
    }
}

impl HashMetrics<'_> {
    /// Returns the number of passwords that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Returns the number of passwords that were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.counters.refused.get()
    }

    /// Returns the times of waiting passwords.
    pub(crate) fn waits(&self) -> &BucketHistogram {
        &self.counters.waits
    }

    /// Returns the times of hashes.
    pub(crate) fn work(&self) -> &BucketHistogram {
        &self.counters.work
    }
}
