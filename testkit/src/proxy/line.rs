//! The bytes that are on their way through a proxy, in order.

use std::collections::VecDeque;
use std::future::pending;

use tokio::time::{Instant, sleep_until};

/// The most pieces that are on their way.
const MAX_PIECES: usize = 256;

/// Pieces, each with the time at which it arrives.
pub(super) struct Line {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    room: Vec<u8>,
    /// Set once the end is on its way, too.
    has_end: bool,
}

impl Line {
    /// Begins an empty line, whose pieces have at most so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { pieces: VecDeque::new(), room: vec![0; bytes], has_end: false }
    }

    /// Reports whether one more piece may be read.
    pub(super) fn has_room(&self) -> bool {
        !self.has_end && self.pieces.len() < MAX_PIECES
    }

    /// Returns the room for the next piece.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.room
    }

    /// Adds the first bytes of the room, which arrive at this time; no bytes are the end.
    pub(super) fn push(&mut self, bytes: usize, arrives: Instant) {
        self.has_end = bytes == 0;
        self.pieces.push_back((arrives, self.room[..bytes].to_vec()));
    }

    /// Returns the time at which the first piece arrives, if there is one.
    pub(super) fn arrives(&self) -> Option<Instant> {
        self.pieces.front().map(|(arrives, _)| *arrives)
    }

    /// Takes the first piece off.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.pieces.pop_front().map(|(_, piece)| piece).unwrap_or_default()
    }
}

/// Waits for this time; for ever where there is none.
pub(super) async fn until(time: Option<Instant>) {
    match time {
        Some(time) if time <= Instant::now() => {}
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
