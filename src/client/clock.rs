//! The remaining life of a token by the local clocks.

use std::time::{Duration, SystemTime};

use crate::Uptime;

/// A clock that reads the time of day once per token and measures ages by uptime.
pub(super) struct ClientClock {
    uptime: Uptime,
    /// Set by tests.
    start: Option<ClockStart>,
}

/// The time of day at one uptime.
struct ClockStart {
    time: SystemTime,
    uptime: Duration,
}

impl ClientClock {
    /// Returns the machine's clock.
    pub(super) fn system() -> Self {
        Self { uptime: Uptime::system(), start: None }
    }

    /// Returns a clock that shows `time` now and advances with `uptime`.
    pub(super) fn starting_at(uptime: Uptime, time: SystemTime) -> Self {
        let now = uptime.now();
        Self { uptime, start: Some(ClockStart { time, uptime: now }) }
    }

    /// Returns the uptime.
    pub(super) fn now(&self) -> Duration {
        self.uptime.now()
    }

    /// Returns the time until `end`; zero if it is past.
    #[expect(clippy::disallowed_methods, reason = "a token's expiry is a time of day, and no caller passes one")]
    pub(super) fn until(&self, end: SystemTime) -> Duration {
        let start = self.start.as_ref();
        let time = start.map_or_else(SystemTime::now, |start| start.time + self.now().saturating_sub(start.uptime));
        end.duration_since(time).unwrap_or_default()
    }
}
