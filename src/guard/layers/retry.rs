//! Retries after a broken connection or the loss of a replica.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::retry_budget::RetryBudget;
use crate::guard::jitter;
use crate::{Introspection, Token, TrafficClass, Unavailable, Verify};

/// Maximum pause before the second attempt.
const MAX_FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Maximum pause before each later attempt.
const MAX_LATER_PAUSE: Duration = Duration::from_millis(40);

/// Attempts of a request, the first one included.
const DEFAULT_ATTEMPTS: u32 = 3;

/// A decorator that retries when the inner verifier is [`Unavailable::Away`].
///
/// - Introspections and nonsensical answers are never retried.
/// - A request about likely garbage ([`TrafficClass::Doubtful`]) has one attempt.
/// - There are at most three attempts. A random pause of up to 20 ms precedes the second, one of up to 40 ms the third.
///   Retries are safe, because a verification changes nothing.
/// - All attempts share the call's deadline. No attempt starts at or after it. If a pause would last until the
///   deadline, the call fails at once.
/// - All calls share a retry budget. Each call adds a tenth of a retry, and the budget holds at most ten, which it has
///   from the start. So an outage adds at most 10 % to the calls in the long run. With an empty budget, calls fail
///   after their first attempt.
///
/// This decorator does not interrupt an attempt: the inner verifier or the caller must keep the deadline. An attempt
/// that hangs until then is not retried.
#[derive(Debug)]
pub struct Retry<V> {
    inner: V,
    attempts: u32,
    budget: RetryBudget,
    jitter: fn(Duration) -> Duration,
}

impl<V: Verify> Retry<V> {
    /// Wraps `inner` with up to three attempts and a budget of its own.
    pub fn new(inner: V) -> Self {
        Self { inner, attempts: DEFAULT_ATTEMPTS, budget: RetryBudget::full(), jitter: jitter::full }
    }

    /// Sets the maximum number of attempts, the first one included.
    pub(in crate::guard) fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }
}

impl<V: Verify> Verify for Retry<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.verify_for(token, TrafficClass::NewCall(None), deadline).await
    }

    async fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> Result<Introspection, Unavailable> {
        if Instant::now() >= deadline {
            return Err(Unavailable::Away);
        }
        if class == TrafficClass::Doubtful {
            return self.inner.verify_for(token, class, deadline).await;
        }
        self.budget.deposit();
        let mut answer = self.inner.verify(token, deadline).await;
        for attempt in 1..self.attempts {
            let longest = if attempt == 1 { MAX_FIRST_PAUSE } else { MAX_LATER_PAUSE };
            if !matches!(answer, Err(Unavailable::Away)) {
                break;
            }
            let again = Instant::now() + (self.jitter)(longest);
            // Paid before the pause: a call does not wait for an attempt that it cannot afford.
            if again >= deadline || !self.budget.withdraw() {
                break;
            }
            sleep_until(again).await;
            // Timers fire late: at the next millisecond, or later on a busy machine.
            if Instant::now() >= deadline {
                break;
            }
            answer = self.inner.verify(token, deadline).await;
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;
    use crate::guard::scripted::ScriptedAnswer::{Answer, Fail, Mumble};
    use crate::guard::scripted::{Scripted, ScriptedAnswer, token};

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Creates a retry decorator that always makes the maximum pauses.
    fn retry(steps: impl IntoIterator<Item = ScriptedAnswer>) -> (Arc<Scripted>, Retry<Arc<Scripted>>) {
        let inner = Scripted::new(steps);
        (Arc::clone(&inner), Retry { jitter: |longest| longest, ..Retry::new(inner) })
    }

    /// Returns the start times of the attempts, counted from the first.
    fn begun(inner: &Scripted) -> Vec<Duration> {
        let asked = inner.asked();
        asked.iter().map(|(at, _)| *at - asked[0].0).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn answer_is_not_retried() {
        let (inner, retry) = retry([Answer]);
        assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_ok());
        assert_eq!(inner.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nonsensical_answer_is_not_retried() {
        let (inner, retry) = retry([Mumble, Answer]);
        let answer = retry.verify(&token(), Instant::now() + ms(500)).await;
        assert_eq!((answer.unwrap_err(), inner.count()), (Unavailable::Unclear, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn failure_is_repaired_by_the_next_attempt() {
        for (steps, attempts) in [(&[Fail, Answer][..], 2), (&[Fail, Fail, Answer], 3)] {
            let (inner, retry) = retry(steps.iter().copied());
            assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_ok());
            assert_eq!(inner.count(), attempts);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn three_attempts_share_one_deadline() {
        let (inner, retry) = retry([Fail]);
        let deadline = Instant::now() + ms(500);
        assert_eq!(retry.verify(&token(), deadline).await.unwrap_err(), Unavailable::Away);
        assert_eq!(begun(&inner), [0, 20, 60].map(ms));
        assert!(inner.asked().iter().all(|(_, passed_on)| *passed_on == deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_random_and_limited() {
        let mut seconds = HashSet::new();
        for _ in 0..50 {
            let inner = Scripted::new([Fail]);
            let retry = Retry::new(Arc::clone(&inner));
            assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_err());
            let begun = begun(&inner);
            // The timer may round up to the next millisecond.
            assert!(begun[1] <= ms(21) && begun[2] <= begun[1] + ms(41), "{begun:?}");
            seconds.insert(begun[1]);
        }
        assert!(seconds.len() > 5, "{seconds:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn pause_until_the_deadline_fails_at_once() {
        for (limit, attempts) in [(20, 1), (21, 2), (60, 2), (61, 3)] {
            let (inner, retry) = retry([Fail]);
            let start = Instant::now();
            assert!(retry.verify(&token(), start + ms(limit)).await.is_err());
            assert_eq!(inner.count(), attempts, "{limit} ms");
            assert_eq!(start.elapsed(), begun(&inner)[attempts - 1], "the call fails with its last attempt");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn skipped_retry_costs_no_budget() {
        let (inner, retry) = retry([Fail]);
        for _ in 0..100 {
            assert!(retry.verify(&token(), Instant::now() + ms(20)).await.is_err());
        }
        assert_eq!(inner.count(), 100);
        assert!((0..10).all(|_| retry.budget.withdraw()), "the reserve is full");
    }

    #[tokio::test(start_paused = true)]
    async fn late_timer_starts_no_attempt() {
        let inner = Scripted::new([Fail]);
        let retry = Retry { jitter: |_| Duration::from_micros(10_200), ..Retry::new(Arc::clone(&inner)) };
        assert!(retry.verify(&token(), Instant::now() + Duration::from_micros(10_400)).await.is_err());
        assert_eq!(inner.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn call_after_its_deadline_starts_no_attempt() {
        let (inner, retry) = retry([Answer]);
        assert!(retry.verify(&token(), Instant::now()).await.is_err());
        assert_eq!(inner.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn outage_adds_a_tenth_of_the_calls_and_ten() {
        let (inner, retry) = retry([Fail]);
        for _ in 0..1_000 {
            assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_err());
        }
        let extra = inner.count() - 1_000;
        assert!((100..=110).contains(&extra), "{extra}");
    }

    #[tokio::test(start_paused = true)]
    async fn successful_calls_pay_for_failed_ones() {
        let (inner, retry) = retry([Fail]);
        while retry.budget.withdraw() {}
        inner.set_steps([Answer]);
        for _ in 0..19 {
            assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_ok());
        }
        inner.set_steps([Fail]);
        let before = inner.count();
        assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_err());
        assert_eq!(inner.count() - before, 3, "twenty calls have paid for two retries");
    }
}
