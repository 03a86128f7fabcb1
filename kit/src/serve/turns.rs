//! A connection accepts the streams that it has read before it reads on.
//!
//! h2 reads all that the socket holds before it hands out a stream, and takes a reset of a stream that was not handed out yet
//! for a sign of rapid resets (CVE-2023-44487). After a stall the socket holds the questions of a while and, behind them, the
//! resets of callers who gave up. Without turns, the server would cut its clients for its own delay. With turns, a reset
//! counts only if it was read together with its stream, in one read of a KiB.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use h2::server::{Connection, SendResponse};
use h2::{Error, RecvStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};

use super::piece::Piece;

/// Bytes of a read behind the frame that it goes on with: fewer than twenty calls, and forty pairs of a stream and its reset.
pub(super) const MAX_READ: usize = 1024;

/// The turns of a connection's reads. All are free until [`Turns::accept`] is first called.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Set once the connection accepts streams.
    is_accepting: AtomicBool,
    /// Set when bytes were read that may hold streams to accept.
    has_read: AtomicBool,
    /// Set when a read was put off.
    is_held: AtomicBool,
}

/// A stream that the peer has opened, or the fault that ends the connection.
type Accepted = Option<Result<(Request<RecvStream>, SendResponse<Piece>), Error>>;

impl Turns {
    /// Reports whether the connection may read now. A read that is put off is made up for by [`Turns::accept`].
    pub(super) fn may_read(&self) -> bool {
        let may_read = !self.is_accepting.load(Relaxed) || !self.has_read.load(Relaxed);
        if !may_read {
            self.is_held.store(true, Relaxed);
        }
        may_read
    }

    /// Notes that bytes were read.
    pub(super) fn read(&self) {
        self.has_read.store(true, Relaxed);
    }

    /// Accepts the next stream. Reads on only when all streams that were read are accepted.
    pub(super) async fn accept<I: AsyncRead + AsyncWrite + Unpin>(
        &self,
        connection: &mut Connection<I, Piece>,
    ) -> Accepted {
        self.is_accepting.store(true, Relaxed);
        poll_fn(|cx| {
            loop {
                let accepted = connection.poll_accept(cx);
                if accepted.is_ready() {
                    return accepted;
                }
                self.has_read.store(false, Relaxed);
                // Without this look a read that was put off would wait for bytes that have come already.
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
        let turns = Turns::default();
        turns.read();
        assert!(turns.may_read());
        turns.is_accepting.store(true, Relaxed);
        assert!(!turns.may_read(), "what was read is accepted first");
        assert!(turns.is_held.load(Relaxed), "the read is made up for");
    }
}
