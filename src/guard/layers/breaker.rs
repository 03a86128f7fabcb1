//! A circuit breaker: calls fail at once while the auth service is unavailable.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::circuit::{Circuit, CircuitChange, Pass};
use crate::guard::authorizer::GUARD_TIMEOUT;
use crate::{Introspection, Token, TrafficClass, Unavailable, Verify};

/// Time that a call may lose before it reaches the breaker.
const DEADLINE_TOLERANCE: Duration = Duration::from_millis(5);

/// A circuit breaker (Nygard, *Release It!*, 2007) in front of a verifier that is [`Unavailable`].
///
/// - The circuit opens after five consecutive failures among all calls. An introspection is never a failure.
/// - While it is open, calls fail at once with [`Unavailable`], except for one probe at a time. The first probe is the
///   first call after 250 ms. Each next one is the first call at least 250 ms after the start of the last probe.
/// - Any introspection closes the circuit at once, even for a call from before it opened.
/// - The log says when it opens (`WARN`) and when it closes (`INFO`).
///
/// A timeout is a failure only if the call had the guard's full limit of 500 ms: callers with short deadlines must not
/// block the others. A call with a shorter deadline counts as a failure only if the inner verifier answers
/// [`Unavailable::Away`] before the deadline. Any other error may be the caller's deadline as the auth service sees it.
/// A cancelled call, a panic and a [`TrafficClass::Doubtful`] call are never failures. After such a probe, the next
/// call is the probe.
///
/// Around a [`Retry`](super::Retry), the attempts of a call count once, and calls that fail at once cost no retries.
#[derive(Debug)]
pub struct Breaker<V> {
    inner: V,
    circuit: Mutex<Circuit>,
    /// Minimum time limit of a call for its timeout to count as a failure.
    full_time: Duration,
}

impl<V: Verify> Breaker<V> {
    /// Wraps `inner`. The circuit starts closed.
    pub fn new(inner: V) -> Self {
        let full_time = GUARD_TIMEOUT.saturating_sub(DEADLINE_TOLERANCE);
        Self { inner, circuit: Mutex::new(Circuit::closed()), full_time }
    }

    /// Sets the failures that open the circuit, the probe interval, and the full time limit of a call.
    pub(in crate::guard) fn with_settings(mut self, failures: u32, probe_interval: Duration, limit: Duration) -> Self {
        let circuit = self.circuit.get_mut().unwrap_or_else(PoisonError::into_inner);
        (circuit.failures, circuit.probe_interval) = (failures, probe_interval);
        self.full_time = limit.saturating_sub(DEADLINE_TOLERANCE);
        self
    }
}

impl<V: Verify> Verify for Breaker<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.verify_for(token, TrafficClass::NewCall(None), deadline).await
    }

    async fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> Result<Introspection, Unavailable> {
        let begun = Instant::now();
        let pass = update(&self.circuit, |circuit| circuit.admit(begun)).ok_or(Unavailable::Away)?;
        let full_time = self.full_time;
        let mut call = BreakerCall { circuit: &self.circuit, pass, class, begun, deadline, full_time, answer: None };
        let answer =
            timeout_at(deadline, self.inner.verify_for(token, class, deadline)).await.unwrap_or(Err(Unavailable::Away));
        call.answer = Some(answer.as_ref().map(|_| ()).map_err(|error| *error));
        answer
    }
}

/// Changes the circuit under a lock that is never held across an await.
fn update<T>(circuit: &Mutex<Circuit>, step: impl FnOnce(&mut Circuit) -> T) -> T {
    step(&mut circuit.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A running call. It reports its outcome to the circuit when it is dropped.
struct BreakerCall<'a> {
    circuit: &'a Mutex<Circuit>,
    pass: Pass,
    class: TrafficClass,
    begun: Instant,
    deadline: Instant,
    full_time: Duration,
    /// The inner verifier's answer without the introspection; `None` while the call runs.
    answer: Option<Result<(), Unavailable>>,
}

impl BreakerCall<'_> {
    /// Returns true if a call without an introspection is a failure of the inner verifier.
    fn is_failure(&self, now: Instant) -> bool {
        let was_given_time = self.deadline.saturating_duration_since(self.begun) >= self.full_time;
        // The caller's own timer may fire first and drop the call.
        let is_out_of_time = now >= self.deadline;
        match self.answer {
            _ if self.class == TrafficClass::Doubtful => false,
            Some(Err(Unavailable::Away)) => was_given_time || !is_out_of_time,
            Some(Err(Unavailable::Unclear)) => was_given_time,
            Some(Ok(())) | None => was_given_time && is_out_of_time,
        }
    }
}

impl Drop for BreakerCall<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let is_failure = self.is_failure(now);
        let changed = update(self.circuit, |circuit| match self.answer {
            Some(Ok(())) => circuit.answered(),
            Some(Err(_)) | None if is_failure => circuit.failed(self.pass, now),
            Some(Err(_)) | None => {
                circuit.abandoned(self.pass);
                None
            }
        });
        match changed {
            Some(CircuitChange::Opened) => {
                tracing::warn!("the auth service keeps failing: circuit open, calls fail at once");
            }
            Some(CircuitChange::Closed) => tracing::info!("the auth service answers again: circuit closed"),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::yield_now;

    use super::*;
    use crate::guard::log_lines::LogLines;
    use crate::guard::scripted::ScriptedAnswer::{Answer, Fail, Hang, Mumble, Panic};
    use crate::guard::scripted::{Scripted, ScriptedAnswer, token};

    type Tested = Arc<Breaker<Arc<Scripted>>>;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn breaker(steps: impl IntoIterator<Item = ScriptedAnswer>) -> (Arc<Scripted>, Tested) {
        let inner = Scripted::new(steps);
        (Arc::clone(&inner), Arc::new(Breaker::new(inner)))
    }

    /// Returns true if a call gets an answer. Asserts that the breaker ends the call within `limit`.
    async fn call_within(limit: Duration, breaker: &Tested) -> bool {
        let token = token();
        let call = breaker.verify(&token, Instant::now() + limit);
        tokio::time::timeout(limit + ms(1), call).await.unwrap().is_ok()
    }

    async fn call(breaker: &Tested) -> bool {
        call_within(ms(500), breaker).await
    }

    /// Returns a breaker that has just opened, and continues with these steps.
    async fn open(steps: impl IntoIterator<Item = ScriptedAnswer>) -> (Arc<Scripted>, Tested) {
        let (inner, breaker) = breaker([Fail; 5].into_iter().chain(steps));
        for _ in 0..5 {
            assert!(!call(&breaker).await);
        }
        (inner, breaker)
    }

    /// Returns true if a new call reaches the inner verifier.
    async fn passes(inner: &Scripted, breaker: &Tested) -> bool {
        let (before, begun) = (inner.count(), Instant::now());
        let _answer = call(breaker).await;
        assert!(inner.count() > before || begun.elapsed().is_zero(), "a blocked call fails at once");
        inner.count() > before
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_open_the_circuit() {
        let (inner, breaker) = breaker([Fail, Fail, Fail, Fail, Answer, Fail, Fail, Fail, Fail, Fail, Answer]);
        for _ in 0..10 {
            assert!(passes(&inner, &breaker).await);
        }
        assert!(!passes(&inner, &breaker).await);
        assert!(!call(&breaker).await);
    }

    #[tokio::test(start_paused = true)]
    async fn open_circuit_probes_every_250_ms() {
        let (inner, breaker) = open([Fail]).await;
        let opened = Instant::now();
        for _ in 0..1_000 {
            call(&breaker).await;
            tokio::time::advance(ms(1)).await;
        }
        let probes: Vec<_> = inner.asked()[5..].iter().map(|(begun, _)| *begun - opened).collect();
        assert_eq!(probes, [250, 500, 750].map(ms));
    }

    #[tokio::test(start_paused = true)]
    async fn answered_probe_closes_the_circuit() {
        let (inner, breaker) = open([Answer]).await;
        tokio::time::advance(ms(250)).await;
        for _ in 0..3 {
            assert!(call(&breaker).await);
        }
        assert_eq!(inner.count(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_many_callers_is_the_probe() {
        let (inner, breaker) = open([Hang]).await;
        tokio::time::advance(ms(250)).await;
        let begun = Instant::now();
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let breaker = Arc::clone(&breaker);
                tokio::spawn(async move {
                    call(&breaker).await;
                    begun.elapsed()
                })
            })
            .collect();
        let mut waited = 0;
        for call in calls {
            waited += usize::from(!call.await.unwrap().is_zero());
        }
        assert_eq!((waited, inner.count()), (1, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_or_panicked_probe_is_replaced() {
        for step in [Hang, Panic] {
            let (inner, breaker) = open([step, Answer]).await;
            tokio::time::advance(ms(250)).await;
            let probe = tokio::spawn({
                let breaker = Arc::clone(&breaker);
                async move { call(&breaker).await }
            });
            yield_now().await;
            assert_eq!(inner.count(), 6);
            probe.abort();
            assert!(probe.await.is_err());
            assert!(call(&breaker).await, "the next call is the probe");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn timeouts_open_the_circuit() {
        for has_own_timer in [false, true] {
            let (inner, breaker) = breaker([Hang]);
            for _ in 0..5 {
                let deadline = Instant::now() + ms(500);
                let call = call(&breaker);
                if has_own_timer {
                    // Drops the call at its deadline, before the breaker checks its own timer.
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep_until(deadline) => {}
                        _ = call => panic!("the breaker's timer fired too"),
                    }
                } else {
                    assert!(!call.await);
                }
                assert_eq!(Instant::now(), deadline);
            }
            assert!(!passes(&inner, &breaker).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn short_deadlines_and_cancellations_open_no_circuit() {
        let (inner, breaker) = breaker([Hang]);
        for limit in [0, 1, 249, 250, 400, 494] {
            for _ in 0..5 {
                assert!(!call_within(ms(limit), &breaker).await);
            }
        }
        // The answer of an auth service that respects the caller's deadline.
        inner.set_steps([Mumble]);
        for _ in 0..5 {
            assert!(!call_within(ms(400), &breaker).await);
        }
        inner.set_steps([Hang]);
        for _ in 0..5 {
            assert!(tokio::time::timeout(ms(400), call(&breaker)).await.is_err());
        }
        inner.set_steps([Answer]);
        assert!(call(&breaker).await);
    }

    #[tokio::test(start_paused = true)]
    async fn doubtful_requests_open_no_circuit() {
        let (inner, breaker) = breaker([Fail, Hang, Mumble, Fail, Fail, Fail, Answer]);
        for _ in 0..6 {
            let answer = breaker.verify_for(&token(), TrafficClass::Doubtful, Instant::now() + ms(500)).await;
            assert!(answer.is_err());
        }
        assert!(passes(&inner, &breaker).await);
    }

    #[tokio::test(start_paused = true)]
    async fn failure_before_a_short_deadline_counts() {
        let (inner, breaker) = breaker([Fail]);
        for _ in 0..5 {
            assert!(!call_within(ms(1), &breaker).await);
        }
        assert!(!passes(&inner, &breaker).await);
    }

    #[tokio::test(start_paused = true)]
    async fn opening_and_closing_log_one_line_each() {
        async fn outage() {
            let (_, breaker) = open([Fail, Answer]).await;
            for _ in 0..10 {
                tokio::time::advance(ms(100)).await;
                call(&breaker).await;
            }
        }
        let log = LogLines::from_module("gatepost::guard::layers::breaker");
        outage().await;
        let listening = tracing::subscriber::set_default(log.clone());
        outage().await;
        drop(listening);
        let lines = log.lines();
        let [opened, closed] = &lines[..] else { panic!("{lines:?}") };
        assert!(opened.starts_with("WARN the auth service keeps failing"), "{opened}");
        assert!(closed.starts_with("INFO the auth service answers again"), "{closed}");
    }
}
