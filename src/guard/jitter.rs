//! Random pauses, so that callers who failed together do not come back together.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// A random time from nothing to `longest`, both included: "full jitter" (Brooker, *Exponential Backoff and Jitter*,
/// AWS Architecture Blog, 2015).
pub(crate) fn full(longest: Duration) -> Duration {
    // The standard library has no other source of randomness: each new state has keys of its own, the first of a thread
    // from the system. Good enough to spread calls, and for nothing that somebody must not guess.
    let random = RandomState::new().hash_one(());
    let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(random % nanos.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_part_of_the_range_is_met_and_nothing_beyond() {
        const LONGEST: Duration = Duration::from_millis(20);
        let drawn: Vec<_> = (0..10_000).map(|_| full(LONGEST)).collect();
        assert!(drawn.iter().all(|pause| *pause <= LONGEST));
        for tenth in 0..10 {
            let (from, to) = (LONGEST * tenth / 10, LONGEST * (tenth + 1) / 10);
            let met = drawn.iter().filter(|pause| (from..to).contains(pause)).count();
            // 1,000 are expected, with a deviation of 30.
            assert!((700..1_300).contains(&met), "{met} from {from:?} to {to:?}");
        }
        assert!(drawn.iter().collect::<HashSet<_>>().len() > 9_900, "hardly any pause comes twice");
    }

    #[test]
    fn both_ends_can_be_drawn_and_the_extremes_are_no_trouble() {
        let nanosecond = Duration::from_nanos(1);
        let drawn: HashSet<_> = (0..100).map(|_| full(nanosecond)).collect();
        assert_eq!(drawn, HashSet::from([Duration::ZERO, nanosecond]));
        assert_eq!(full(Duration::ZERO), Duration::ZERO);
        assert!(full(Duration::MAX) <= Duration::MAX);
    }
}
