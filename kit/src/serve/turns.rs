//! Turns of a connection: it accepts the streams of a read before it reads on.
//!
//! h2 reads all bytes of the socket before it hands out a stream. A reset of a stream that was not handed out yet
//! counts as a rapid reset (CVE-2023-44487). After a stall the socket holds requests and, behind them, the resets of
//! callers that gave up. Without turns the server would cut its clients for its own delay.
//!
//! With turns a reset counts for h2 only if it is in the same read of a KiB as its stream. Other resets have their own
//! limit, far above the timeouts of a client: 100 streams with a deadline of 100 ms.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use h2::server::{Connection, SendResponse};
use h2::{Error, Reason, RecvStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::piece::Piece;
use super::window::ConnectionWindow;

/// Bytes of a read beyond the current frame: fewer than twenty calls, and forty pairs of a stream and its reset.
pub(super) const MAX_READ: usize = 1024;

/// Turns of a connection's reads. Reads are free until the first call of [`Turns::accept`].
#[derive(Debug)]
pub(super) struct Turns {
    /// Set once the connection accepts streams.
    is_accepting: AtomicBool,
    /// Set when bytes were read that may hold streams to accept.
    has_read: AtomicBool,
    /// Set when a read was postponed.
    is_held: AtomicBool,
    /// Set when the peer has reset too many streams.
    is_flooded: AtomicBool,
    resets: ResetRate,
}

/// Rate limit of the peer's resets. The resets of a second may come at once.
#[derive(Debug)]
struct ResetRate {
    /// Time that one reset uses up.
    cost: Duration,
    /// Time up to which earlier resets have used it up.
    used: Mutex<Option<Instant>>,
}

/// Period of the rate; its resets may come at once.
const RESET_BURST: Duration = Duration::from_secs(1);

/// Stream that the peer has opened, or the error that ends the connection.
type AcceptedStream = Option<Result<(Request<RecvStream>, SendResponse<Piece>), Error>>;

impl ResetRate {
    /// Counts resets. Returns true if there were too many.
    fn count(&self, resets: u32, now: Instant) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let until = used.map_or(now, |used| used.max(now)) + self.cost * resets;
        *used = Some(until);
        until > now + RESET_BURST
    }
}

impl Turns {
    /// Starts with free reads. The peer may reset `resets` streams in a second.
    pub(super) fn new(resets: u32) -> Self {
        let [is_accepting, has_read, is_held, is_flooded] = Default::default();
        let resets = ResetRate { cost: RESET_BURST / resets.max(1), used: Mutex::default() };
        Self { is_accepting, has_read, is_held, is_flooded, resets }
    }

    /// Returns true if the connection may read now. [`Turns::accept`] repeats a postponed read.
    pub(super) fn may_read(&self) -> bool {
        let may_read = !self.is_accepting.load(Relaxed) || !self.has_read.load(Relaxed);
        if !may_read {
            self.is_held.store(true, Relaxed);
        }
        may_read
    }

    /// Records a read with this number of resets.
    pub(super) fn read(&self, resets: u32) {
        self.has_read.store(true, Relaxed);
        if resets > 0 && self.resets.count(resets, Instant::now()) {
            self.is_flooded.store(true, Relaxed);
        }
    }

    /// Accepts the next stream. Reads on only when all streams of the last read are accepted.
    ///
    /// Sends a GOAWAY and ends the connection if the peer has reset too many streams. Also updates the connection's
    /// window.
    pub(super) async fn accept<I: AsyncRead + AsyncWrite + Unpin>(
        &self,
        connection: &mut Connection<I, Piece>,
        window: &ConnectionWindow,
    ) -> AcceptedStream {
        self.is_accepting.store(true, Relaxed);
        poll_fn(|cx| {
            loop {
                if self.is_flooded.swap(false, Relaxed) {
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                }
                if let Some(size) = window.poll_change(cx) {
                    connection.set_target_window_size(size);
                }
                let accepted = connection.poll_accept(cx);
                if accepted.is_ready() {
                    return accepted;
                }
                self.has_read.store(false, Relaxed);
                // Without this check a postponed read would wait for bytes that have already arrived.
                if !self.is_held.swap(false, Relaxed) {
                    return accepted;
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_free_until_the_first_accept() {
        let turns = Turns::new(1);
        turns.read(0);
        assert!(turns.may_read());
        turns.is_accepting.store(true, Relaxed);
        assert!(!turns.may_read(), "the streams of the last read are accepted first");
        assert!(turns.is_held.load(Relaxed), "the read is repeated later");
    }

    #[test]
    fn resets_have_a_rate() {
        let (turns, now) = (Turns::new(1000), Instant::now());
        let resets = |count, millis| turns.resets.count(count, now + Duration::from_millis(millis));
        assert!(!resets(1000, 0), "a second's resets may come at once");
        assert!(!resets(500, 500));
        assert!(resets(1, 500));
        assert!(!resets(999, 1501));
    }
}
