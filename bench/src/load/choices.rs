//! Random choices of concurrent callers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::drill::Random;

/// A stream of random choices, which callers share.
pub(crate) struct Choices {
    seed: u64,
    /// Number of choices so far. A choice depends on its number and the seed alone.
    made: AtomicU64,
}

impl Choices {
    /// Returns the choices of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, made: AtomicU64::new(0) }
    }

    /// Returns the random numbers of the next choice.
    pub(crate) fn random(&self) -> Random {
        let choice = self.made.fetch_add(1, Ordering::Relaxed);
        // The first number separates the streams of neighboring choices.
        Random::new(Random::new(self.seed.wrapping_add(choice << 32)).number())
    }
}
