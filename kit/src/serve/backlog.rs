//! Backlog of accepted calls: their tasks exist, and no thread has begun to run them.
//!
//! A process with more calls than processor time has a standing backlog. Each call waits in it, and callers give up before
//! their answers are sent. Work for such callers keeps the backlog long, also after the load has fallen (a metastable
//! failure). So a call that has waited too long in a standing backlog is refused, which costs a fraction of its work.
//! A backlog that is short at times is a burst, and all its calls are served (as in RFC 8289).

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Wait of a call that is too long.
const LONG_WAIT: Duration = Duration::from_millis(25);

/// Period in which the shortest wait shows if the backlog is standing.
const PERIOD: Duration = Duration::from_millis(100);

/// Number of calls in a backlog. On a busy machine a few calls wait longer, and no refusal would help.
const BACKLOG_CALLS: usize = 32;

/// Accepted calls of a server that have not begun.
#[derive(Debug)]
pub(super) struct Backlog {
    calls: AtomicUsize,
    waits: Mutex<Waits>,
}

/// Waits of the calls that have begun.
#[derive(Debug)]
struct Waits {
    /// End of the period.
    end: Instant,
    /// Shortest wait in the period.
    shortest: Duration,
    /// Set if all calls of the period before waited too long.
    is_standing: bool,
}

/// Accepted call that has not begun.
#[derive(Debug)]
pub(super) struct AcceptedCall {
    backlog: Arc<Backlog>,
    time: Instant,
}

impl Backlog {
    pub(super) fn new() -> Arc<Self> {
        let waits = Waits { end: Instant::now(), shortest: Duration::ZERO, is_standing: false };
        Arc::new(Self { calls: AtomicUsize::new(0), waits: Mutex::new(waits) })
    }

    /// Adds a call.
    pub(super) fn accept(self: &Arc<Self>) -> AcceptedCall {
        self.accept_at(Instant::now())
    }

    fn accept_at(self: &Arc<Self>, time: Instant) -> AcceptedCall {
        self.calls.fetch_add(1, Relaxed);
        AcceptedCall { backlog: Arc::clone(self), time }
    }

    /// Records the wait of a call that begins. Returns true if it waited too long in a standing backlog.
    fn is_overdue(&self, wait: Duration, now: Instant) -> bool {
        let calls = self.calls.load(Relaxed);
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= waits.end {
            waits.is_standing = waits.shortest > LONG_WAIT && now < waits.end + PERIOD;
            waits.shortest = wait;
            waits.end = now + PERIOD;
        } else {
            waits.shortest = waits.shortest.min(wait);
        }
        waits.is_standing && wait > LONG_WAIT && calls >= BACKLOG_CALLS
    }
}

impl AcceptedCall {
    /// Returns the time of the accept.
    pub(super) fn time(&self) -> Instant {
        self.time
    }

    /// Takes the call out of the backlog, because it begins. Returns true if it should be refused.
    pub(super) fn begin(self) -> bool {
        self.begin_at(Instant::now())
    }

    fn begin_at(self, now: Instant) -> bool {
        self.backlog.is_overdue(now.saturating_duration_since(self.time), now)
    }
}

impl Drop for AcceptedCall {
    fn drop(&mut self) {
        self.backlog.calls.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    /// Begins a call in each step, after this wait each. Returns the number of refused calls.
    fn refused(backlog: &Arc<Backlog>, start: Instant, calls: u32, wait: Duration) -> usize {
        let times = (0..calls).map(|call| start + STEP * call);
        times.filter(|time| backlog.accept_at(*time).begin_at(*time + wait)).count()
    }

    /// Returns a backlog with calls that have not begun.
    fn filled(calls: usize) -> (Arc<Backlog>, Vec<AcceptedCall>) {
        let backlog = Backlog::new();
        let waiting = (0..calls).map(|_| backlog.accept()).collect();
        (backlog, waiting)
    }

    #[test]
    fn calls_of_a_standing_backlog_are_refused() {
        let (backlog, _waiting) = filled(BACKLOG_CALLS);
        let start = Instant::now();
        assert_eq!(refused(&backlog, start, 11, LONG_WAIT * 2), 1, "the first period shows that the backlog stands");
        let start = start + STEP * 11;
        assert_eq!(refused(&backlog, start, 9, LONG_WAIT * 2), 9);
        assert_eq!(refused(&backlog, start + STEP * 4, 1, LONG_WAIT), 0, "it has not waited too long");
        assert_eq!(refused(&backlog, start + STEP * 10, 20, LONG_WAIT * 2), 10, "the backlog was short for a moment");
    }

    #[test]
    fn few_calls_are_no_backlog() {
        let (backlog, waiting) = filled(BACKLOG_CALLS - 2);
        assert_eq!(refused(&backlog, Instant::now(), 100, LONG_WAIT * 2), 0);
        drop(waiting);
        assert_eq!(backlog.calls.load(Relaxed), 0);
    }

    #[test]
    fn silence_ends_a_standing_backlog() {
        let (backlog, _waiting) = filled(BACKLOG_CALLS);
        let start = Instant::now();
        assert_eq!(refused(&backlog, start, 20, LONG_WAIT * 2), 10);
        assert_eq!(refused(&backlog, start + PERIOD * 5, 9, LONG_WAIT * 2), 0);
    }
}
