//! The latest plausible time, and the number of rows with repaired times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chrono::{DateTime, TimeDelta, Utc};

/// Tolerated lead of a stored time, in addition to the leeway. A replica uses the server's time only if it is clearly
/// earlier than its own.
const MARGIN: TimeDelta = TimeDelta::seconds(2);

/// Number of rows repaired since the start.
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

/// Returns the latest plausible time of a past event.
pub(crate) fn latest_plausible_time(now: DateTime<Utc>, leeway: TimeDelta) -> DateTime<Utc> {
    now + leeway + MARGIN
}
