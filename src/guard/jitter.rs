//! Random pauses, so that callers that failed together do not retry together.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Returns a random time from zero to `longest`, both included: "full jitter" (Brooker, *Exponential Backoff and
/// Jitter*, AWS Architecture Blog, 2015).
pub(crate) fn full(longest: Duration) -> Duration {
    let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(number() % nanos.saturating_add(1))
}

/// Returns a random number. It spreads calls well, but is unfit for secrets.
pub(crate) fn number() -> u64 {
    // `RandomState` is the only source of randomness in the standard library: each one has its own keys, the first of a
    // thread from the system.
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn pauses_cover_the_range_and_stay_within_it() {
        const MAX_JITTER: Duration = Duration::from_millis(20);
        let drawn: Vec<_> = (0..10_000).map(|_| full(MAX_JITTER)).collect();
        assert!(drawn.iter().all(|pause| *pause <= MAX_JITTER));
        for tenth in 0..10 {
            let (from, to) = (MAX_JITTER * tenth / 10, MAX_JITTER * (tenth + 1) / 10);
            let met = drawn.iter().filter(|pause| (from..to).contains(pause)).count();
            // 1,000 are expected, with a standard deviation of 30.
            assert!((700..1_300).contains(&met), "{met} from {from:?} to {to:?}");
        }
        assert!(drawn.iter().collect::<HashSet<_>>().len() > 9_900, "pauses hardly repeat");
    }

    #[test]
    fn both_ends_are_drawn_and_extremes_do_not_panic() {
        let nanosecond = Duration::from_nanos(1);
        let drawn: HashSet<_> = (0..100).map(|_| full(nanosecond)).collect();
        assert_eq!(drawn, HashSet::from([Duration::ZERO, nanosecond]));
        assert_eq!(full(Duration::ZERO), Duration::ZERO);
        assert!(full(Duration::MAX) <= Duration::MAX);
    }
}
