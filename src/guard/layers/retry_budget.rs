//! What retries may cost: a tenth of the calls that pay for them, so that an outage is never met with a flood.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What a first attempt pays in, in tenths of a retry.
const DEPOSIT: u32 = 1;
/// What a retry costs, in tenths of a retry.
const RETRY: u32 = 10;
/// The most that is kept, in tenths of a retry: ten retries.
const RESERVE: u32 = 10 * RETRY;

/// A token bucket: *n* first attempts allow at most *n* / 10 retries, and ten more while the reserve lasts.
///
/// That bound holds over every stretch of time, whatever the outcomes are and however many callers there are. gRPC's
/// retry throttling (gRFC A6) has the bucket and pays in with successes; Finagle's `RetryBudget` pays in with first
/// attempts, as here, so that retries can also be seen as a share of the traffic. Unlike either, nothing is paid in by
/// the passing of time: a verifier that is seldom asked has little to gain from retries beyond the reserve.
#[derive(Debug)]
pub(super) struct RetryBudget {
    tenths: AtomicU32,
}

impl RetryBudget {
    /// A budget with its whole reserve: the first failures after the start may be retried.
    pub(super) const fn full() -> Self {
        Self { tenths: AtomicU32::new(RESERVE) }
    }

    /// Counts a first attempt.
    pub(super) fn deposit(&self) {
        // The number guards no other memory, so no order is needed beside that of its own changes.
        let _full = self.tenths.fetch_update(Relaxed, Relaxed, |kept| (kept < RESERVE).then_some(kept + DEPOSIT));
    }

    /// Pays for a retry; false, at no cost, when there is not enough left.
    pub(super) fn withdraw(&self) -> bool {
        self.tenths.fetch_update(Relaxed, Relaxed, |kept| kept.checked_sub(RETRY)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};
    use std::thread;

    use super::*;

    fn holding(tenths: u32) -> RetryBudget {
        RetryBudget { tenths: AtomicU32::new(tenths) }
    }

    fn kept(budget: &RetryBudget) -> u32 {
        budget.tenths.load(Relaxed)
    }

    #[test]
    fn it_begins_with_ten_retries_and_no_more() {
        let budget = RetryBudget::full();
        assert!((0..10).all(|_| budget.withdraw()));
        assert!(!budget.withdraw());
    }

    #[test]
    fn ten_first_attempts_pay_for_a_retry_and_nine_do_not() {
        let budget = holding(0);
        (0..9).for_each(|_| budget.deposit());
        assert!(!budget.withdraw());
        budget.deposit();
        assert!(budget.withdraw());
        assert!(!budget.withdraw());
    }

    #[test]
    fn no_step_from_any_state_breaks_the_bound() {
        // By induction: a deposit adds at most a tenth, a retry takes all that it costs, a refusal takes nothing, and
        // there is never more than the reserve. So after any steps 10 × retries + kept ≤ reserve + first attempts.
        for before in 0..=RESERVE {
            let budget = holding(before);
            budget.deposit();
            assert_eq!(kept(&budget), (before + 1).min(100), "a deposit at {before}");

            let budget = holding(before);
            let after = if budget.withdraw() { before.checked_sub(10) } else { Some(before).filter(|kept| *kept < 10) };
            assert_eq!(Some(kept(&budget)), after, "a retry at {before}");
        }
    }

    #[test]
    fn the_bound_holds_from_any_moment_on_whatever_the_mix() {
        let random = RandomState::new();
        for walk in 0_u64..50 {
            let budget = RetryBudget::full();
            // Ten retries and a tenth of what was paid in, counted from the moment at which that allows least.
            let mut allowed = 100;
            for step in 0_u64..2_000 {
                // Walks differ in their mix: from nearly first attempts alone to nearly retries alone.
                if random.hash_one((walk, step)) % 50 >= walk {
                    budget.deposit();
                    allowed = (allowed + 1).min(100);
                } else if budget.withdraw() {
                    allowed -= 10;
                }
                assert!(allowed >= 0, "walk {walk}, step {step}");
            }
        }
    }

    #[test]
    fn threads_cannot_spend_the_same_tenth_twice() {
        let budget = RetryBudget::full();
        let granted: u32 = thread::scope(|scope| {
            let spend = || {
                scope.spawn(|| {
                    let tries = (0..10_000).map(|_| {
                        budget.deposit();
                        u32::from(budget.withdraw())
                    });
                    tries.sum::<u32>()
                })
            };
            let threads = [spend(), spend(), spend(), spend()];
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(granted <= 10 + 4_000, "{granted}");
        // Each deposit found room but for those before the reserve had been touched, so that hardly any was lost.
        assert!(granted * 10 + kept(&budget) >= 40_000, "{granted}");
    }
}
