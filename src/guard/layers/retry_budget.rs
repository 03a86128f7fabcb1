//! The retry budget: a tenth of the calls, so that an outage does not cause a flood of retries.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Deposit of a first attempt, in tenths of a retry.
const DEPOSIT_TENTHS: u32 = 1;
/// Price of a retry, in tenths of a retry.
const RETRY_TENTHS: u32 = 10;
/// Capacity of the budget, in tenths of a retry: ten retries.
const CAPACITY_TENTHS: u32 = 10 * RETRY_TENTHS;

/// A token bucket: *n* first attempts allow at most *n* / 10 retries, and ten more while the reserve lasts.
///
/// The bound holds over every period, for any outcomes and any number of callers. gRPC's retry throttling (gRFC A6)
/// also uses a bucket, filled by successes. Finagle's `RetryBudget` is filled by first attempts, as this one, so
/// retries stay a share of the traffic. Unlike in both of them, time adds nothing here: a rarely used verifier gains
/// little from retries beyond the reserve.
#[derive(Debug)]
pub(super) struct RetryBudget {
    tenths: AtomicU32,
}

impl RetryBudget {
    /// Creates a full budget: the first failures after the start may be retried.
    pub(super) const fn full() -> Self {
        Self { tenths: AtomicU32::new(CAPACITY_TENTHS) }
    }

    /// Records a first attempt.
    pub(super) fn deposit(&self) {
        // The number guards no other memory, so relaxed ordering suffices.
        let _full = self
            .tenths
            .fetch_update(Relaxed, Relaxed, |kept| (kept < CAPACITY_TENTHS).then_some(kept + DEPOSIT_TENTHS));
    }

    /// Pays for a retry. Returns false, and pays nothing, if the budget is too low.
    pub(super) fn withdraw(&self) -> bool {
        self.tenths.fetch_update(Relaxed, Relaxed, |kept| kept.checked_sub(RETRY_TENTHS)).is_ok()
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
    fn full_budget_allows_ten_retries() {
        let budget = RetryBudget::full();
        assert!((0..10).all(|_| budget.withdraw()));
        assert!(!budget.withdraw());
    }

    #[test]
    fn ten_first_attempts_pay_for_one_retry() {
        let budget = holding(0);
        (0..9).for_each(|_| budget.deposit());
        assert!(!budget.withdraw());
        budget.deposit();
        assert!(budget.withdraw());
        assert!(!budget.withdraw());
    }

    #[test]
    fn no_step_breaks_the_bound() {
        // Proof by induction: a deposit adds at most a tenth, a retry takes its full price, a refused retry takes
        // nothing, and the budget never exceeds the reserve. So after any steps 10 × retries + kept ≤ reserve + first
        // attempts.
        for before in 0..=CAPACITY_TENTHS {
            let budget = holding(before);
            budget.deposit();
            assert_eq!(kept(&budget), (before + 1).min(100), "a deposit at {before}");

            let budget = holding(before);
            let after = if budget.withdraw() { before.checked_sub(10) } else { Some(before).filter(|kept| *kept < 10) };
            assert_eq!(Some(kept(&budget)), after, "a retry at {before}");
        }
    }

    #[test]
    fn bound_holds_for_any_mix_of_steps() {
        let random = RandomState::new();
        for walk in 0_u64..50 {
            let budget = RetryBudget::full();
            // Ten retries and a tenth of the deposits, counted from the moment that makes this limit smallest.
            let mut allowed = 100;
            for step in 0_u64..2_000 {
                // Walks differ in their mix: from nearly only first attempts to nearly only retries.
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
    fn threads_cannot_spend_one_deposit_twice() {
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
        // A deposit is lost only while the reserve is full, so hardly any was lost.
        assert!(granted * 10 + kept(&budget) >= 40_000, "{granted}");
    }
}
