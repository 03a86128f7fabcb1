//! Measures of the writer.

use kit::metrics::{BucketHistogram, WORK_BOUNDS};

use crate::measures::WaitMeasure;

/// Bounds for the number of writes in a commit.
const GROUP_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64];

/// Measures of the task that writes.
#[derive(Debug)]
pub(crate) struct WriterMeasure {
    /// Times for which writes wait for their turn.
    pub(crate) waits: WaitMeasure,
    /// Number of writes in each commit.
    pub(crate) group_sizes: BucketHistogram,
    /// Durations of the commits.
    pub(crate) commits: BucketHistogram,
}

impl Default for WriterMeasure {
    fn default() -> Self {
        Self {
            waits: WaitMeasure::default(),
            group_sizes: BucketHistogram::new(GROUP_BOUNDS),
            commits: BucketHistogram::new(WORK_BOUNDS),
        }
    }
}
