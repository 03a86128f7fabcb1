//! The time at which tests begin, and a clock that stands there.

use chrono::{DateTime, Utc};
use kit::Clock;

/// The time at which tests begin: 2026-01-01T00:00:00Z.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default()
}

/// A clock that stands at [`start`].
pub fn clock() -> Clock {
    Clock::manual(start())
}
