//! Pace of new connections: at once while they succeed, and with growing pauses while they fail.
//!
//! A slow server spends its time on handshakes. Each abandoned and repeated handshake takes time from the calls that
//! wait for a connection.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Pause after the first failure, doubled with each further one.
const BASE_PAUSE: Duration = Duration::from_millis(20);

/// Longest pause after a failure that cost the server nothing, such as a port without a server.
const MAX_LIGHT_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause. Once the server is back, a call succeeds within a second, including its connection attempt.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// Largest number of counted failures: more failures do not lengthen the pause.
const MAX_FAILURES: u32 = 6;

/// Start time of the next connection.
#[derive(Debug)]
pub(super) struct Pace(Mutex<PaceState>);

#[derive(Debug)]
struct PaceState {
    failures: u32,
    next: Instant,
    /// Longest pause after the last failure.
    longest: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self(Mutex::new(PaceState { failures: 0, next: Instant::now(), longest: MAX_PAUSE }))
    }

    /// Waits for its turn.
    pub(super) async fn turn(&self) {
        let at = {
            let mut state = self.state();
            let at = state.next.max(Instant::now());
            if state.failures > 0 {
                state.next = at + pause(state.failures, state.longest);
            }
            at
        };
        sleep_until(at).await;
    }

    /// Records that a connection was opened quickly.
    pub(super) fn succeeded(&self) {
        *self.state() = PaceState { failures: 0, next: Instant::now(), longest: MAX_PAUSE };
    }

    /// Records that a connection failed or is slow.
    pub(super) fn failed(&self) {
        self.wait(MAX_PAUSE);
    }

    /// Records that a connection was refused at no cost for the server.
    pub(super) fn failed_lightly(&self) {
        self.wait(MAX_LIGHT_PAUSE);
    }

    fn wait(&self, longest: Duration) {
        let mut state = self.state();
        state.failures = (state.failures + 1).min(MAX_FAILURES);
        state.longest = longest;
        let next = Instant::now() + pause(state.failures, longest);
        state.next = state.next.max(next).min(Instant::now() + MAX_PAUSE);
    }

    fn state(&self) -> MutexGuard<'_, PaceState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a randomly shortened pause, so that replicas do not try at the same time.
fn pause(failures: u32, longest: Duration) -> Duration {
    let whole = (BASE_PAUSE * 2_u32.pow(failures)).min(longest);
    whole / 2 + whole / 2 * u32::from(kit::random::bytes::<1>()[0]) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_slow_connections_down() {
        let pace = Pace::new();
        let (begun, mut turns) = (Instant::now(), 0);
        while begun.elapsed() < Duration::from_secs(40) {
            pace.turn().await;
            pace.failed();
            turns += 1;
        }
        assert!((80..=180).contains(&turns), "{turns} in 40 s");
        pace.succeeded();
        let now = Instant::now();
        pace.turn().await;
        assert_eq!(now.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn cheap_refusals_are_retried_soon() {
        let pace = Pace::new();
        for _ in 0..20 {
            pace.failed_lightly();
            let begun = Instant::now();
            pace.turn().await;
            assert!(begun.elapsed() <= MAX_LIGHT_PAUSE + Duration::from_millis(1), "{:?}", begun.elapsed());
        }
    }
}
