//! Single flight: one request for all concurrent callers with the same token.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::metrics::AuthMetrics;
use crate::trace;
use crate::{Introspection, Token, TokenDigest, TrafficClass, Unavailable, Uptime, Verify};

type FlightResult = Option<Result<Introspection, Unavailable>>;
type RunningFlights = Arc<Mutex<HashMap<TokenDigest, RunningFlight>>>;

/// A decorator that merges concurrent verifications of equal tokens into one call of the inner verifier.
///
/// The call runs in its own task with its own deadline. So the cancellation or short deadline of one caller does not
/// affect the others. Callers never get an answer to a request older than that deadline, even if the process was
/// stopped. Nothing is kept after the answer.
pub struct SingleFlight<V> {
    inner: Arc<V>,
    limit: Duration,
    flights: RunningFlights,
    metrics: AuthMetrics,
    uptime: Uptime,
}

/// A running request.
#[derive(Clone)]
struct RunningFlight {
    answer: watch::Receiver<FlightResult>,
    /// The time just before the request.
    began: Duration,
}

impl<V: fmt::Debug> fmt::Debug for SingleFlight<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").field("inner", &self.inner).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<V: Verify> SingleFlight<V> {
    /// Wraps `inner`. Each call of `inner` lasts at most `limit`.
    pub fn new(inner: V, limit: Duration) -> Self {
        Self::with_metrics(inner, limit, AuthMetrics::default(), Uptime::system())
    }

    /// Wraps `inner`, counts joined callers in `metrics` and uses this clock.
    pub(in crate::guard) fn with_metrics(inner: V, limit: Duration, metrics: AuthMetrics, uptime: Uptime) -> Self {
        Self { inner: Arc::new(inner), limit, flights: RunningFlights::default(), metrics, uptime }
    }

    /// Returns the running flight for this token, or starts one.
    fn join(&self, token: &Token, class: TrafficClass) -> watch::Receiver<FlightResult> {
        let digest = token.digest();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let began = self.uptime.now();
        // The process was stopped during an older flight, so its answer may be outdated.
        if let Some(flight) = flights.get(&digest).filter(|flight| began.saturating_sub(flight.began) <= self.limit) {
            self.metrics.counters().joined.one();
            return flight.answer.clone();
        }
        let (sender, answer) = watch::channel(None);
        flights.insert(digest, RunningFlight { answer: answer.clone(), began });
        drop(flights);

        let entry = FlightEntry { digest, answer: answer.clone(), flights: Arc::clone(&self.flights) };
        let (inner, token, limit) = (Arc::clone(&self.inner), token.clone(), self.limit);
        // The request belongs to the trace of the first caller.
        let trace = trace::current();
        tokio::spawn(trace::within(trace, async move {
            // Counted from the task's start: a busy machine may run the task late.
            let deadline = Instant::now() + limit;
            let answer =
                timeout_at(deadline, inner.verify_for(&token, class, deadline)).await.unwrap_or(Err(Unavailable::Away));
            // Remove the flight before it lands. Later callers then start a new one.
            drop(entry);
            sender.send_replace(Some(answer));
        }));
        answer
    }
}

impl<V: Verify> Verify for SingleFlight<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.verify_for(token, TrafficClass::NewCall(None), deadline).await
    }

    /// Joins the running flight, or starts one for this class.
    async fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        _deadline: Instant,
    ) -> Result<Introspection, Unavailable> {
        let mut flight = self.join(token, class);
        // An error means that the flight's task panicked.
        let answer = flight.wait_for(Option::is_some).await.map_err(|_| Unavailable::Away)?;
        answer.clone().unwrap_or(Err(Unavailable::Away))
    }
}

/// A flight's entry in the map. Dropping it removes the entry, even after a panic.
struct FlightEntry {
    digest: TokenDigest,
    answer: watch::Receiver<FlightResult>,
    flights: RunningFlights,
}

impl Drop for FlightEntry {
    fn drop(&mut self) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // A newer flight may have replaced the entry.
        if flights.get(&self.digest).is_some_and(|flight| flight.answer.same_channel(&self.answer)) {
            flights.remove(&self.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinSet;

    use super::*;
    use crate::guard::{InactiveReason, TokenStatus};

    /// A verifier that counts requests and answers one per permit.
    struct Gate {
        asked: AtomicUsize,
        permits: Semaphore,
    }

    impl Verify for Arc<Mutex<()>> {
        async fn verify(&self, _: &Token, _: Instant) -> Result<Introspection, Unavailable> {
            panic!("the verifier's own bug")
        }
    }

    impl Verify for Gate {
        async fn verify(&self, _: &Token, _: Instant) -> Result<Introspection, Unavailable> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.permits.acquire().await.map_err(|_| Unavailable::Away)?.forget();
            Ok(Introspection::inactive(InactiveReason::Revoked))
        }
    }

    fn gate() -> (Arc<Gate>, Arc<SingleFlight<Arc<Gate>>>) {
        let gate = Arc::new(Gate { asked: AtomicUsize::new(0), permits: Semaphore::new(0) });
        (Arc::clone(&gate), Arc::new(SingleFlight::new(gate, Duration::from_millis(500))))
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn token(text: &str) -> Token {
        Token::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn only_equal_tokens_share_a_flight() {
        let (gate, flights) = gate();
        let mut callers = JoinSet::new();
        for name in ["a", "a", "a", "b"] {
            let flights = Arc::clone(&flights);
            callers.spawn(async move { flights.verify(&token(name), later()).await });
        }
        while gate.asked.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        gate.permits.add_permits(2);
        while let Some(answer) = callers.join_next().await {
            assert!(matches!(answer.unwrap().unwrap().status, TokenStatus::Inactive(InactiveReason::Revoked)));
        }
        assert_eq!(gate.asked.load(Ordering::SeqCst), 2);
        assert!(flights.flights.lock().unwrap().is_empty(), "nothing is kept after the answer");
    }

    #[tokio::test(start_paused = true)]
    async fn caller_after_a_stop_joins_no_earlier_flight() {
        let (gate, uptime) =
            (Arc::new(Gate { asked: AtomicUsize::new(0), permits: Semaphore::new(0) }), Uptime::manual());
        let limit = Duration::from_millis(500);
        let flights = SingleFlight::with_metrics(Arc::clone(&gate), limit, AuthMetrics::default(), uptime.clone());
        let mut old = flights.join(&token("a"), TrafficClass::OpenCall);
        uptime.advance(limit);
        assert!(flights.join(&token("a"), TrafficClass::OpenCall).same_channel(&old));
        uptime.advance(Duration::from_millis(1));
        let new = flights.join(&token("a"), TrafficClass::OpenCall);
        assert!(!new.same_channel(&old));
        gate.permits.add_permits(1);
        old.wait_for(Option::is_some).await.unwrap();
        assert!(flights.join(&token("a"), TrafficClass::OpenCall).same_channel(&new), "the new entry stays");
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_caller_does_not_fail_others() {
        let (gate, flights) = gate();
        let first = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.verify(&token("a"), later()).await }
        });
        while gate.asked.load(Ordering::SeqCst) < 1 {
            tokio::task::yield_now().await;
        }
        let second = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.verify(&token("a"), later()).await }
        });
        tokio::task::yield_now().await;
        first.abort();
        gate.permits.add_permits(1);
        assert!(second.await.unwrap().is_ok());
        assert_eq!(gate.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn flight_ends_at_its_deadline_or_by_a_panic() {
        let (_, flights) = gate();
        assert_eq!(flights.verify(&token("a"), later()).await.unwrap_err(), Unavailable::Away);
        assert!(flights.flights.lock().unwrap().is_empty());

        let broken = SingleFlight::new(Arc::new(Arc::new(Mutex::new(()))), Duration::from_secs(1));
        assert_eq!(broken.verify(&token("a"), later()).await.unwrap_err(), Unavailable::Away);
        assert!(broken.flights.lock().unwrap().is_empty());
    }
}
