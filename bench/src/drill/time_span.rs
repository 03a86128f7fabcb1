//! A part of a drill's time.

use std::time::Duration;

use tokio::time::Instant;

/// A part of a drill's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeSpan {
    /// Start of the span.
    pub(super) begun: Instant,
    /// End of the span.
    pub(super) ended: Instant,
}

impl TimeSpan {
    /// Returns the span from this time until now.
    pub(super) fn since(begun: Instant) -> Self {
        Self { begun, ended: Instant::now() }
    }

    /// Returns the span of this length from this time on.
    pub(super) fn of_length(begun: Instant, length: Duration) -> Self {
        Self { begun, ended: begun + length }
    }

    /// Returns the length.
    pub(super) fn length(&self) -> Duration {
        self.ended - self.begun
    }

    /// Returns `true` if this time is in the span.
    pub(super) fn contains(&self, time: Instant) -> bool {
        time >= self.begun && time < self.ended
    }

    /// Returns `true` if the spans have a part in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        other.begun < self.ended && self.begun < other.ended
    }
}
