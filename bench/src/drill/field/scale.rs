//! The size of an attack.

use std::time::Duration;

/// The size and the length of an attack.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The length of the attack, and of the time without one that it is compared with.
    pub length: Duration,
    /// The part of the connections and callers that a short form has: one of so many.
    part: usize,
    /// The number from which chance comes.
    pub(super) seed: u64,
}

impl Scale {
    /// The attack as the field has seen it.
    pub fn full(length: Duration, seed: u64) -> Self {
        Self { length, part: 1, seed }
    }

    /// A few seconds with a few connections.
    pub fn short() -> Self {
        Self { length: Duration::from_secs(3), part: 8, seed: 1 }
    }

    /// Returns this scale's part of a full number, and two at the least.
    pub(super) fn of(self, full: usize) -> usize {
        (full / self.part).max(2)
    }
}
