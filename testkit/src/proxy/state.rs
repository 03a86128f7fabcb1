//! State of a proxy that its connections share.

use std::sync::Arc;
use std::time::Duration;

/// Treatment of forwarded bytes.
#[derive(Clone, Default)]
pub(super) enum Mode {
    #[default]
    Pass,
    Cut,
    BlackHole,
    HalfOpen,
    /// Drops the answer to these lowercase bytes; if the flag is set, cuts all connections from then on.
    CutOnAnswer(Arc<[u8]>, bool),
    /// Number of requests that still pass.
    FreezeAfter(usize),
}

/// Mode and counters of a proxy.
#[derive(Clone, Default)]
pub(super) struct ProxyState {
    pub(super) mode: Mode,
    /// Number of cuts. A connection accepted at another count is closed, even if the mode has changed back since.
    pub(super) cuts: u64,
    /// Number of vanishings. A connection accepted at another count forwards nothing.
    pub(super) vanishings: u64,
    /// Set once the answer was dropped, or the last request has passed.
    pub(super) fired: bool,
    /// Number of forwarded requests.
    pub(super) requests: u64,
    pub(super) latency: Duration,
}

impl ProxyState {
    pub(super) fn is_hole(&self) -> bool {
        matches!(self.mode, Mode::BlackHole)
    }

    /// Counts a forwarded request, and begins the black hole after the last one.
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

/// Search for bytes in a stream of pieces.
#[derive(Default)]
pub(super) struct Search {
    /// Last bytes of the stream, in lower case.
    tail: Vec<u8>,
}

impl Search {
    /// Returns true if the pattern, in lower case, ends in this piece.
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
