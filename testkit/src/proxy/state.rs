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
    /// Drops the answer to a request with these lowercase bytes, then acts like `Cut` if the flag is set.
    CutOnAnswer(Arc<[u8]>, bool),
    /// Forwards this number of requests, then acts like `BlackHole`.
    FreezeAfter(usize),
}

/// Mode and counters of a proxy.
#[derive(Clone, Default)]
pub(super) struct ProxyState {
    pub(super) mode: Mode,
    /// Number of cuts so far. Connections accepted before a cut are closed, even if the mode has already changed again.
    pub(super) cuts: u64,
    /// Number of calls of `Proxy::vanish` so far. Connections accepted before such a call forward nothing.
    pub(super) vanishings: u64,
    /// Set once the fault has happened: the answer is dropped, or the last request is forwarded.
    pub(super) fired: bool,
    /// Number of forwarded requests.
    pub(super) requests: u64,
    pub(super) latency: Duration,
}

impl ProxyState {
    pub(super) fn is_hole(&self) -> bool {
        matches!(self.mode, Mode::BlackHole)
    }

    /// Counts a forwarded request. Starts the black hole after the last request of `FreezeAfter`.
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

/// Search for a pattern in a stream whose bytes arrive in pieces.
#[derive(Default)]
pub(super) struct Search {
    /// Last bytes of the stream, in lower case.
    tail: Vec<u8>,
}

impl Search {
    /// Returns true if this piece completes the pattern, which must be in lower case.
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
