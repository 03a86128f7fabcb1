//! The size of an attack.

use std::time::Duration;

/// The size and the length of an attack.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The length of the attack, and of the time without one for comparison.
    pub length: Duration,
    /// Divisor for the connections and callers of a short form.
    part: usize,
    /// The seed of random choices.
    pub(super) seed: u64,
}

impl Scale {
    /// Returns the full size, as seen in the field.
    pub fn full(length: Duration, seed: u64) -> Self {
        Self { length, part: 1, seed }
    }

    /// Returns a few seconds with a few connections.
    pub fn short() -> Self {
        Self { length: Duration::from_secs(3), part: 8, seed: 1 }
    }

    /// Returns this scale's part of a full number, at least two.
    pub(super) fn of(self, full: usize) -> usize {
        (full / self.part).max(2)
    }
}
