//! The remaining life of a token by the local clocks.

use std::time::{Duration, SystemTime};

use crate::Uptime;

/// A clock that reads the time of day once per token and measures ages by uptime.
pub(super) struct ClientClock {
    uptime: Uptime,
    /// The time of day at one uptime; set by tests.
    fixed: Option<(SystemTime, Duration)>,
}

impl ClientClock {
    /// Returns the machine's clock.
    pub(super) fn system() -> Self {
        Self { uptime: Uptime::system(), fixed: None }
    }

    /// Returns a clock by `uptime` on which it is now `time`.
    pub(super) fn starting_at(uptime: Uptime, time: SystemTime) -> Self {
        let now = uptime.now();
        Self { uptime, fixed: Some((time, now)) }
    }

    /// Returns the uptime.
    pub(super) fn now(&self) -> Duration {
        self.uptime.now()
    }

    /// Returns the time until `end`; zero if it is past.
    #[expect(clippy::disallowed_methods, reason = "a token's expiry is a time of day, and no caller passes one")]
    pub(super) fn until(&self, end: SystemTime) -> Duration {
        let time = self.fixed.map_or_else(SystemTime::now, |(time, began)| time + self.now().saturating_sub(began));
        end.duration_since(time).unwrap_or_default()
    }
}
