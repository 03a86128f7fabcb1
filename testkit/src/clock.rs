//! Start time of tests, and a clock that stands still.

use chrono::{DateTime, Utc};
use kit::Clock;

/// Returns the start time of tests: 2026-01-01T00:00:00Z.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default()
}

/// Returns a clock that stands at [`start`].
pub fn clock() -> Clock {
    Clock::manual(start())
}
