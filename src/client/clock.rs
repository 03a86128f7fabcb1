//! How long a token has to live, by the clocks of the machine that holds it.

use std::time::{Duration, SystemTime};

use crate::Uptime;

/// Ages are counted by the uptime; the time of day is looked at once for each token.
pub(super) struct Clock {
    uptime: Uptime,
    /// The time of day at one moment of a clock that a test moves.
    fixed: Option<(SystemTime, Duration)>,
}

impl Clock {
    /// The machine's.
    pub(super) fn system() -> Self {
        Self { uptime: Uptime::system(), fixed: None }
    }

    /// This one, by which it is `time` now.
    pub(super) fn of(uptime: Uptime, time: SystemTime) -> Self {
        let now = uptime.now();
        Self { uptime, fixed: Some((time, now)) }
    }

    /// The machine's uptime.
    pub(super) fn now(&self) -> Duration {
        self.uptime.now()
    }

    /// How long it is until this time of day; nothing when it is over.
    #[expect(clippy::disallowed_methods, reason = "a token's expiry is a time of day, and nobody else tells it here")]
    pub(super) fn until(&self, end: SystemTime) -> Duration {
        let time = self.fixed.map_or_else(SystemTime::now, |(time, began)| time + self.now().saturating_sub(began));
        end.duration_since(time).unwrap_or_default()
    }
}
