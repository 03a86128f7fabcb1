//! The latest time that is believed, and the count of rows whose times were repaired.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chrono::{DateTime, TimeDelta, Utc};

/// The time by which a stored time may lie ahead, beside the leeway: replicas take the server's time only where it is clearly
/// earlier than their own.
const MARGIN: TimeDelta = TimeDelta::seconds(2);

/// Rows that have been repaired since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repaired(Arc<AtomicU64>);

impl Repaired {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn add(&self, rows: u64) {
        self.0.fetch_add(rows, Relaxed);
    }
}

/// Returns the latest time that is believed now, of what has happened.
pub(crate) fn latest_believed(now: DateTime<Utc>, leeway: TimeDelta) -> DateTime<Utc> {
    now + leeway + MARGIN
}
