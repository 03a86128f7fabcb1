//! A second and a third attempt, so that a caller does not see a connection that broke or a replica that left.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::retry_budget::RetryBudget;
use crate::guard::jitter;
use crate::{Asker, Token, Unavailable, Verdict, Verify};

/// The longest pause before the second attempt, and before the third and those after it.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(40)];

/// Attempts that a question has, the first one included.
const ATTEMPTS: u32 = 3;

/// A decorator that asks the inner verifier again when it is [`Unavailable::Away`].
///
/// - A verdict is never asked for again, whatever it says, and neither is an answer that makes no sense.
/// - A question about likely garbage ([`Asker::Doubtful`]) has one attempt.
/// - There are three attempts at the most. Before the second lies a random pause of up to 20 ms, before the third one of
///   up to 40 ms. To ask twice is harmless, since a question changes nothing.
/// - All attempts share the call's deadline. None begins at it or after it, and a pause that would last until then is not
///   made: the call fails at once.
/// - Retries are paid for from a budget that all calls share: each call pays in a tenth of a retry, and at most ten
///   retries are kept, which are there from the start. So an outage makes at most 10 % more calls in the long run. When
///   the budget is spent, calls fail with their first attempt.
///
/// An attempt is not cut short: the inner verifier, or whoever stands before this one, keeps the deadline. One that hangs
/// until then is not retried.
#[derive(Debug)]
pub struct Retry<V> {
    inner: V,
    attempts: u32,
    budget: RetryBudget,
    jitter: fn(Duration) -> Duration,
}

impl<V: Verify> Retry<V> {
    /// Asks `inner` up to three times, with a budget of its own.
    pub fn new(inner: V) -> Self {
        Self { inner, attempts: ATTEMPTS, budget: RetryBudget::full(), jitter: jitter::full }
    }

    /// Makes at most this many attempts, the first one included.
    pub(in crate::guard) fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }
}

impl<V: Verify> Verify for Retry<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Verdict, Unavailable> {
        self.verify_for(token, Asker::Call(None), deadline).await
    }

    async fn verify_for(&self, token: &Token, asker: Asker, deadline: Instant) -> Result<Verdict, Unavailable> {
        if Instant::now() >= deadline {
            return Err(Unavailable::Away);
        }
        if asker == Asker::Doubtful {
            return self.inner.verify_for(token, asker, deadline).await;
        }
        self.budget.deposit();
        let mut answer = self.inner.verify(token, deadline).await;
        let [second, later] = PAUSES;
        for attempt in 1..self.attempts {
            let longest = if attempt == 1 { second } else { later };
            if !matches!(answer, Err(Unavailable::Away)) {
                break;
            }
            let again = Instant::now() + (self.jitter)(longest);
            // Paid for before the pause, so that nobody waits for an attempt that will not be made.
            if again >= deadline || !self.budget.withdraw() {
                break;
            }
            sleep_until(again).await;
            // A timer rings late, at the next millisecond or when the machine has time.
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
    use crate::guard::scripted::Step::{Answer, Fail, Mumble};
    use crate::guard::scripted::{Scripted, Step, token};

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// With the longest pauses that there are.
    fn retry(steps: impl IntoIterator<Item = Step>) -> (Arc<Scripted>, Retry<Arc<Scripted>>) {
        let inner = Scripted::new(steps);
        (Arc::clone(&inner), Retry { jitter: |longest| longest, ..Retry::new(inner) })
    }

    /// When the attempts began, counted from the first.
    fn begun(inner: &Scripted) -> Vec<Duration> {
        let asked = inner.asked();
        asked.iter().map(|(at, _)| *at - asked[0].0).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_not_asked_for_again() {
        let (inner, retry) = retry([Answer]);
        assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_ok());
        assert_eq!(inner.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_makes_no_sense_is_not_asked_for_again() {
        let (inner, retry) = retry([Mumble, Answer]);
        let answer = retry.verify(&token(), Instant::now() + ms(500)).await;
        assert_eq!((answer.unwrap_err(), inner.count()), (Unavailable::Unclear, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_made_good_by_the_next_attempt() {
        for (steps, attempts) in [(&[Fail, Answer][..], 2), (&[Fail, Fail, Answer], 3)] {
            let (inner, retry) = retry(steps.iter().copied());
            assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_ok());
            assert_eq!(inner.count(), attempts);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_three_attempts_with_one_deadline() {
        let (inner, retry) = retry([Fail]);
        let deadline = Instant::now() + ms(500);
        assert_eq!(retry.verify(&token(), deadline).await.unwrap_err(), Unavailable::Away);
        assert_eq!(begun(&inner), [0, 20, 60].map(ms));
        assert!(inner.asked().iter().all(|(_, passed_on)| *passed_on == deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn the_pauses_are_random_and_within_their_limits() {
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
    async fn a_pause_that_would_last_until_the_deadline_is_not_made() {
        for (limit, attempts) in [(20, 1), (21, 2), (60, 2), (61, 3)] {
            let (inner, retry) = retry([Fail]);
            let start = Instant::now();
            assert!(retry.verify(&token(), start + ms(limit)).await.is_err());
            assert_eq!(inner.count(), attempts, "{limit} ms");
            assert_eq!(start.elapsed(), begun(&inner)[attempts - 1], "the call fails with its last attempt");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_made_costs_nothing() {
        let (inner, retry) = retry([Fail]);
        for _ in 0..100 {
            assert!(retry.verify(&token(), Instant::now() + ms(20)).await.is_err());
        }
        assert_eq!(inner.count(), 100);
        assert!((0..10).all(|_| retry.budget.withdraw()), "the reserve is whole");
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_rings_after_the_deadline_begins_no_attempt() {
        let inner = Scripted::new([Fail]);
        let retry = Retry { jitter: |_| Duration::from_micros(10_200), ..Retry::new(Arc::clone(&inner)) };
        assert!(retry.verify(&token(), Instant::now() + Duration::from_micros(10_400)).await.is_err());
        assert_eq!(inner.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_comes_too_late_is_not_even_begun() {
        let (inner, retry) = retry([Answer]);
        assert!(retry.verify(&token(), Instant::now()).await.is_err());
        assert_eq!(inner.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_makes_a_tenth_more_calls_and_ten() {
        let (inner, retry) = retry([Fail]);
        for _ in 0..1_000 {
            assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_err());
        }
        let extra = inner.count() - 1_000;
        assert!((100..=110).contains(&extra), "{extra}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_succeed_pay_for_those_that_fail() {
        let (inner, retry) = retry([Fail]);
        while retry.budget.withdraw() {}
        inner.now([Answer]);
        for _ in 0..19 {
            assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_ok());
        }
        inner.now([Fail]);
        let before = inner.count();
        assert!(retry.verify(&token(), Instant::now() + ms(500)).await.is_err());
        assert_eq!(inner.count() - before, 3, "twenty calls have paid for two retries");
    }
}
