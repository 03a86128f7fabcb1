//! Queue of the bytes in transit through a proxy.

use std::collections::VecDeque;
use std::future::pending;

use tokio::time::{Instant, sleep_until};

/// Largest number of pieces in transit.
const MAX_PIECES: usize = 256;

/// Pieces in transit, each with its time of arrival.
pub(super) struct PieceQueue {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    room: Vec<u8>,
    /// Set once the end of the stream is in transit.
    has_end: bool,
}

impl PieceQueue {
    /// Returns an empty queue for pieces of at most this number of bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { pieces: VecDeque::new(), room: vec![0; bytes], has_end: false }
    }

    /// Returns true if one more piece may be read.
    pub(super) fn has_room(&self) -> bool {
        !self.has_end && self.pieces.len() < MAX_PIECES
    }

    /// Returns the buffer for the next piece.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.room
    }

    /// Adds the first bytes of the buffer, with this time of arrival. Zero bytes mean the end of the stream.
    pub(super) fn push(&mut self, bytes: usize, arrives: Instant) {
        self.has_end = bytes == 0;
        self.pieces.push_back((arrives, self.room[..bytes].to_vec()));
    }

    /// Returns the arrival time of the first piece, if any.
    pub(super) fn arrives(&self) -> Option<Instant> {
        self.pieces.front().map(|(arrives, _)| *arrives)
    }

    /// Removes the first piece and returns it.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.pieces.pop_front().map(|(_, piece)| piece).unwrap_or_default()
    }
}

/// Waits until this time, or forever for `None`.
pub(super) async fn until(time: Option<Instant>) {
    match time {
        Some(time) if time <= Instant::now() => {}
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
