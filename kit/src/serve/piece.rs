//! Part of an answer on its way to the socket. The room is released when the last part has been written.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::Buf;
use bytes::Bytes;

use super::memory::Reservation;

/// Bytes with the reservation of their room.
#[derive(Debug, Default)]
pub(super) struct Piece {
    bytes: Bytes,
    _hold: Option<Arc<Reservation>>,
}

impl Piece {
    pub(super) fn new(bytes: Bytes, hold: Option<Arc<Reservation>>) -> Self {
        Self { bytes, _hold: hold }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, parts: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(parts)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
