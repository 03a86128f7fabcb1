//! What the proxy does at a time, as its connections see it.

use std::sync::Arc;
use std::time::Duration;

/// What is done with what is sent.
#[derive(Clone, Default)]
pub(super) enum Mode {
    #[default]
    Pass,
    Cut,
    BlackHole,
    HalfOpen,
    /// The bytes, in small letters, and whether everything is cut from then on.
    CutOnAnswer(Arc<[u8]>, bool),
    /// Requests that still pass.
    FreezeAfter(usize),
}

/// The mode and what goes with it.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) mode: Mode,
    /// How often everything was cut: a connection that was made at another count is closed, even when the mode has changed
    /// again before it could look.
    pub(super) cuts: u64,
    /// Times that the connections of the moment vanished: one that was made at another count forwards nothing more.
    pub(super) vanishings: u64,
    /// Set once the answer has been lost, or the last request has passed.
    pub(super) fired: bool,
    /// Requests that have passed.
    pub(super) requests: u64,
    pub(super) latency: Duration,
}

impl State {
    pub(super) fn is_hole(&self) -> bool {
        matches!(self.mode, Mode::BlackHole)
    }

    /// Counts a request that has passed, and begins the black hole behind the last one.
    pub(super) fn count(&mut self) {
        self.requests += 1;
        if let Mode::FreezeAfter(left) = &mut self.mode {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.mode = Mode::BlackHole;
                self.fired = true;
            }
        }
    }

    pub(super) fn is_half_open(&self) -> bool {
        matches!(self.mode, Mode::HalfOpen)
    }
}

/// Looks for bytes in a stream that comes in pieces.
#[derive(Default)]
pub(super) struct Search {
    /// The end of what was seen, in small letters.
    tail: Vec<u8>,
}

impl Search {
    /// Whether the bytes are in this piece, or begin before it and end in it. The pattern is in small letters.
    pub(super) fn sees(&mut self, piece: &[u8], pattern: &[u8]) -> bool {
        self.tail.extend(piece.iter().map(u8::to_ascii_lowercase));
        let found = self.tail.windows(pattern.len()).any(|window| window == pattern);
        let kept = if found { 0 } else { pattern.len() - 1 };
        self.tail.drain(..self.tail.len().saturating_sub(kept));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_once_and_across_pieces() {
        let mut search = Search::default();
        let seen = ["xxCO", "MM", "ITcom", "mi", "x", "commit"].map(|piece| search.sees(piece.as_bytes(), b"commit"));
        assert_eq!(seen, [false, false, true, false, false, true]);
    }
}
