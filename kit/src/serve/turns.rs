//! Turns of a connection: the server accepts all streams of one read before it reads again.
//!
//! h2 reads all bytes of the socket before it hands out a stream. A reset of a stream that was not handed out yet
//! counts as a rapid reset (CVE-2023-44487). After a stall the socket holds requests and, behind them, the resets of
//! callers that gave up. Without turns the server would cut its clients because of its own delay.
//!
//! With turns, h2 counts a reset only if it is in the same read of 16 KiB as its stream. Such a stream reaches no handler, so
//! a read may have many. Every reset also counts toward a limit per second. By default, 100 streams that time out every
//! 100 ms reach this limit: far more than clients need.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use h2::server::{Connection, SendResponse};
use h2::{Error, Reason, RecvStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::piece::Piece;
use super::window::ConnectionWindow;

/// Largest read beyond the current frame, in bytes: about a hundred small calls.
pub(super) const MAX_READ: usize = 16 * 1024;

/// Turns of a connection's reads. Reads are not restricted until the first call of [`Turns::accept`].
#[derive(Debug)]
pub(super) struct Turns {
    /// Set once the connection accepts streams.
    is_accepting: AtomicBool,
    /// Set when bytes were read that may hold streams to accept.
    has_read: AtomicBool,
    /// Set when a read was postponed.
    is_held: AtomicBool,
    /// Set when the peer has sent too many frames of one kind.
    is_flooded: AtomicBool,
    /// Rate of resets and of refused streams. A refused stream is beyond the limit, or has malformed headers.
    resets: FrameRate,
    control: FrameRate,
    /// Streams that the peer has opened.
    opened: AtomicU64,
    /// Streams that the connection has accepted.
    accepted: AtomicU64,
    /// Streams of `opened` that were refused, and are already counted as resets.
    unaccepted: AtomicU64,
}

/// Numbers of the peer's frames, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frames {
    /// Resets of streams.
    pub(super) resets: u32,
    /// Frames that open a stream.
    pub(super) opened: u32,
    /// Frames that carry no part of a call, such as pings.
    pub(super) control: u32,
}

/// Rate limit of frames. The frames of a second may come at once.
#[derive(Debug)]
struct FrameRate {
    /// Time that one frame uses up.
    cost: Duration,
    /// Time up to which earlier frames have used up the budget.
    used: Mutex<Option<Instant>>,
}

/// Period of a rate. All frames of one period may come at once.
const BURST: Duration = Duration::from_secs(1);

/// Stream that the peer has opened, or the error that ends the connection.
type AcceptedStream = Option<Result<(Request<RecvStream>, SendResponse<Piece>), Error>>;

impl FrameRate {
    fn new(frames: u32) -> Self {
        Self { cost: BURST / frames.max(1), used: Mutex::default() }
    }

    /// Counts frames. Returns true if there were too many.
    fn count(&self, frames: u32, now: Instant) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let until = used.map_or(now, |used| used.max(now)) + self.cost * frames;
        *used = Some(until);
        until > now + BURST
    }
}

impl Turns {
    /// Starts with unrestricted reads. Each second, the peer may reset `resets` streams, and send `control` frames that
    /// carry no part of a call.
    pub(super) fn new(resets: u32, control: u32) -> Self {
        let [is_accepting, has_read, is_held, is_flooded] = Default::default();
        let [opened, accepted, unaccepted] = Default::default();
        let [resets, control] = [resets, control].map(FrameRate::new);
        Self { is_accepting, has_read, is_held, is_flooded, resets, control, opened, accepted, unaccepted }
    }

    /// Returns true if the connection may read now. [`Turns::accept`] repeats a postponed read.
    pub(super) fn may_read(&self) -> bool {
        let may_read = !self.is_accepting.load(Relaxed) || !self.has_read.load(Relaxed);
        if !may_read {
            self.is_held.store(true, Relaxed);
        }
        may_read
    }

    /// Records a read with these frames.
    pub(super) fn read(&self, frames: Frames) {
        self.has_read.store(true, Relaxed);
        let resets = frames.resets + self.refused();
        self.opened.fetch_add(frames.opened.into(), Relaxed);
        let is_flood = |rate: &FrameRate, frames| frames > 0 && rate.count(frames, Instant::now());
        if is_flood(&self.resets, resets) || is_flood(&self.control, frames.control) {
            self.is_flooded.store(true, Relaxed);
        }
    }

    /// Returns the number of streams that the transport has refused since the last call. All streams of the earlier
    /// reads are accepted or refused by now.
    fn refused(&self) -> u32 {
        let open = self.opened.load(Relaxed).saturating_sub(self.accepted.load(Relaxed));
        let before = self.unaccepted.fetch_max(open, Relaxed);
        u32::try_from(open.saturating_sub(before)).unwrap_or(u32::MAX)
    }

    /// Accepts the next stream. Reads on only when all streams of the last read are accepted.
    ///
    /// Sends a GOAWAY and ends the connection if the peer floods it with frames. Also updates the connection's
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
                    self.accepted.fetch_add(1, Relaxed);
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
    fn reads_are_unrestricted_until_the_first_accept() {
        let turns = Turns::new(1, 1);
        turns.read(Frames::default());
        assert!(turns.may_read());
        turns.is_accepting.store(true, Relaxed);
        assert!(!turns.may_read(), "the streams of the last read are accepted first");
        assert!(turns.is_held.load(Relaxed), "the read is repeated later");
    }

    #[test]
    fn rate_allows_the_frames_of_one_second_at_once() {
        let (rate, now) = (FrameRate::new(1000), Instant::now());
        let count = |frames, millis| rate.count(frames, now + Duration::from_millis(millis));
        assert!(!count(1000, 0), "a second's frames may come at once");
        assert!(!count(500, 500));
        assert!(count(1, 500));
        assert!(!count(999, 1501));
    }

    #[test]
    fn refused_streams_count_like_resets() {
        let turns = Turns::new(10, 10);
        let is_flooded = |opened| {
            turns.read(Frames { opened, ..Frames::default() });
            turns.is_flooded.load(Relaxed)
        };
        assert!(!is_flooded(20), "the streams may still be accepted");
        turns.accepted.store(20, Relaxed);
        assert!(!is_flooded(8));
        turns.accepted.store(21, Relaxed);
        assert!(!is_flooded(6), "seven were refused");
        assert!(is_flooded(0), "six more were refused");
    }
}
