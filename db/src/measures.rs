//! Measures of an open database: times of its work, and of the calls that wait for a connection.

use kit::metrics::{BucketHistogram, EventCounter, WAIT_BOUNDS, WORK_BOUNDS};
use tokio::time::{Duration, Instant};

/// Kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// Statement that reads.
    Read,
    /// Statement that writes.
    Write,
    /// Several statements as one transaction.
    Transaction,
}

/// Times of a database's work, with the wait for a connection. Each retry counts as separate work.
#[derive(Debug, Default)]
pub struct WorkTimes {
    reads: WorkMeasure,
    writes: WorkMeasure,
    transactions: WorkMeasure,
}

/// Times of one kind of work.
#[derive(Debug)]
pub(crate) struct WorkMeasure {
    pub(crate) times: BucketHistogram,
    pub(crate) failed: EventCounter,
}

/// Waits of calls for a connection of one pool.
#[derive(Debug)]
pub(crate) struct WaitMeasure {
    pub(crate) times: BucketHistogram,
    pub(crate) timeouts: EventCounter,
}

/// Connections of a pool at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolLevels {
    pub(crate) idle: usize,
    pub(crate) used: usize,
    /// Connections that are being opened, or whose statement still runs on the server.
    pub(crate) others: usize,
    pub(crate) limit: usize,
}

/// Pool with its connections and the waits for them, as far as its driver shows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolMeasure<'p> {
    pub(crate) name: &'static str,
    pub(crate) levels: Option<PoolLevels>,
    /// Number of calls that wait.
    pub(crate) waiting: Option<usize>,
    pub(crate) waits: Option<&'p WaitMeasure>,
}

impl WorkKind {
    pub(crate) const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Transaction];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Transaction => "transaction",
        }
    }
}

impl Default for WorkMeasure {
    fn default() -> Self {
        Self { times: BucketHistogram::new(WORK_BOUNDS), failed: EventCounter::default() }
    }
}

impl Default for WaitMeasure {
    fn default() -> Self {
        Self { times: BucketHistogram::new(WAIT_BOUNDS), timeouts: EventCounter::default() }
    }
}

impl WorkTimes {
    /// Runs this work, and records its time.
    ///
    /// # Errors
    /// Returns the error of the work.
    pub async fn measure<T, E>(&self, kind: WorkKind, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let begun = Instant::now();
        let done = work.await;
        let measure = self.of_kind(kind);
        measure.times.record_time(begun.elapsed());
        if done.is_err() {
            measure.failed.one();
        }
        done
    }

    pub(crate) fn of_kind(&self, kind: WorkKind) -> &WorkMeasure {
        match kind {
            WorkKind::Read => &self.reads,
            WorkKind::Write => &self.writes,
            WorkKind::Transaction => &self.transactions,
        }
    }
}

impl WaitMeasure {
    /// Records a call that has obtained its connection.
    pub(crate) fn ended(&self, waited: Duration) {
        self.times.record_time(waited);
    }

    /// Records a call whose wait has timed out.
    pub(crate) fn timed_out(&self) {
        self.timeouts.one();
    }
}
