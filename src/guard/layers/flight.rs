//! One question for all callers that hold the same token at the same time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::metrics::AuthMetrics;
use crate::{Asker, Digest, Token, Unavailable, Uptime, Verdict, Verify};

type Answer = Option<Result<Verdict, Unavailable>>;
type Flights = Arc<Mutex<HashMap<Digest, Flight>>>;

/// A decorator by which concurrent calls with equal tokens share one flight to the inner verifier.
///
/// A flight is a task of its own with a deadline of its own, so that it belongs to none of its callers: one caller's
/// cancellation or short deadline never fails the others. A caller that joins gets the answer to a question asked at
/// most that deadline ago, even where the process was stopped meanwhile. Nothing is kept after the landing.
pub struct SingleFlight<V> {
    inner: Arc<V>,
    limit: Duration,
    flights: Flights,
    metrics: AuthMetrics,
    uptime: Uptime,
}

/// A question that is under way.
#[derive(Clone)]
struct Flight {
    answer: watch::Receiver<Answer>,
    /// Before it was asked.
    began: Duration,
}

impl<V: fmt::Debug> fmt::Debug for SingleFlight<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").field("inner", &self.inner).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<V: Verify> SingleFlight<V> {
    /// Shares flights to `inner`, each of which lasts at most `limit`.
    pub fn new(inner: V, limit: Duration) -> Self {
        Self::counting(inner, limit, AuthMetrics::default(), Uptime::system())
    }

    /// The same, which counts who joins, by this clock.
    pub(in crate::guard) fn counting(inner: V, limit: Duration, metrics: AuthMetrics, uptime: Uptime) -> Self {
        Self { inner: Arc::new(inner), limit, flights: Flights::default(), metrics, uptime }
    }

    /// The flight for this token: the one under way, or a new one.
    fn board(&self, token: &Token, asker: Asker) -> watch::Receiver<Answer> {
        let digest = token.digest();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let began = self.uptime.now();
        // One that is older has not been seen to end, since the process was stopped: its answer may be as old as it is.
        if let Some(flight) = flights.get(&digest).filter(|flight| began.saturating_sub(flight.began) <= self.limit) {
            self.metrics.counters().joined.one();
            return flight.answer.clone();
        }
        let (landing, answer) = watch::channel(None);
        flights.insert(digest, Flight { answer: answer.clone(), began });
        drop(flights);

        let seat = Seat { digest, answer: answer.clone(), flights: Arc::clone(&self.flights) };
        let (inner, token, limit) = (Arc::clone(&self.inner), token.clone(), self.limit);
        tokio::spawn(async move {
            // From here, so that a machine in a hurry takes nothing of the time that the flight is given.
            let deadline = Instant::now() + limit;
            let answer =
                timeout_at(deadline, inner.verify_for(&token, asker, deadline)).await.unwrap_or(Err(Unavailable::Away));
            // Off the board before the landing: who comes now begins a flight of its own.
            drop(seat);
            landing.send_replace(Some(answer));
        });
        answer
    }
}

impl<V: Verify> Verify for SingleFlight<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Verdict, Unavailable> {
        self.verify_for(token, Asker::Call(None), deadline).await
    }

    /// Joins the flight that is under way, whoever has begun it, or begins one for this asker.
    async fn verify_for(&self, token: &Token, asker: Asker, _deadline: Instant) -> Result<Verdict, Unavailable> {
        let mut flight = self.board(token, asker);
        // An error means that the flight's task has panicked: nobody can say what the token is worth.
        let answer = flight.wait_for(Option::is_some).await.map_err(|_| Unavailable::Away)?;
        answer.clone().unwrap_or(Err(Unavailable::Away))
    }
}

/// A flight's place on the board, given up however its task ends.
struct Seat {
    digest: Digest,
    answer: watch::Receiver<Answer>,
    flights: Flights,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // It may be another one's by now.
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
    use crate::guard::{Denial, Worth};

    /// Counts its questions, and answers as many as it has been given permits for.
    struct Gate {
        asked: AtomicUsize,
        permits: Semaphore,
    }

    impl Verify for Arc<Mutex<()>> {
        async fn verify(&self, _: &Token, _: Instant) -> Result<Verdict, Unavailable> {
            panic!("the verifier's own bug")
        }
    }

    impl Verify for Gate {
        async fn verify(&self, _: &Token, _: Instant) -> Result<Verdict, Unavailable> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.permits.acquire().await.map_err(|_| Unavailable::Away)?.forget();
            Ok(Verdict::denied(Denial::Revoked))
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
    async fn equal_tokens_share_a_flight_and_others_do_not() {
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
            assert!(matches!(answer.unwrap().unwrap().worth, Worth::Denied(Denial::Revoked)));
        }
        assert_eq!(gate.asked.load(Ordering::SeqCst), 2);
        assert!(flights.flights.lock().unwrap().is_empty(), "nothing is kept after the landing");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_after_a_stop_does_not_join_a_flight_from_before_it() {
        let (gate, uptime) =
            (Arc::new(Gate { asked: AtomicUsize::new(0), permits: Semaphore::new(0) }), Uptime::manual());
        let limit = Duration::from_millis(500);
        let flights = SingleFlight::counting(Arc::clone(&gate), limit, AuthMetrics::default(), uptime.clone());
        let mut old = flights.board(&token("a"), Asker::Open);
        uptime.advance(limit);
        assert!(flights.board(&token("a"), Asker::Open).same_channel(&old));
        uptime.advance(Duration::from_millis(1));
        let new = flights.board(&token("a"), Asker::Open);
        assert!(!new.same_channel(&old));
        gate.permits.add_permits(1);
        old.wait_for(Option::is_some).await.unwrap();
        assert!(flights.board(&token("a"), Asker::Open).same_channel(&new), "the old one has left its place alone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_caller_fails_nobody_else() {
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
    async fn a_flight_ends_by_its_own_deadline_and_by_a_panic() {
        let (_, flights) = gate();
        assert_eq!(flights.verify(&token("a"), later()).await.unwrap_err(), Unavailable::Away);
        assert!(flights.flights.lock().unwrap().is_empty());

        let broken = SingleFlight::new(Arc::new(Arc::new(Mutex::new(()))), Duration::from_secs(1));
        assert_eq!(broken.verify(&token("a"), later()).await.unwrap_err(), Unavailable::Away);
        assert!(broken.flights.lock().unwrap().is_empty());
    }
}
