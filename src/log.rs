//! Log lines about callers, limited in length and rate for any traffic.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Uptime;

/// Maximum length of a method's path in a log line, in bytes, the cut mark included.
pub const MAX_PATH_BYTES: usize = 128;

/// Lines that a [`LogLimit`] allows per second.
pub const MAX_LINES_PER_SECOND: u32 = 10;

/// The end of a path that was cut.
const CUT_MARK: &str = "…";

/// Returns a method's path for a log line: at most [`MAX_PATH_BYTES`] bytes, ending in `…` if it was cut.
pub fn shown_path(path: &str) -> Cow<'_, str> {
    if path.len() <= MAX_PATH_BYTES {
        return Cow::Borrowed(path);
    }
    let room = MAX_PATH_BYTES - CUT_MARK.len();
    let end = (0..=room).rev().find(|&end| path.is_char_boundary(end)).unwrap_or_default();
    Cow::Owned(format!("{}{CUT_MARK}", &path[..end]))
}

/// A rate limit for one kind of line: [`MAX_LINES_PER_SECOND`]. The next line states the number of lines left out.
///
/// ```
/// use gatepost::log::LogLimit;
///
/// let limit = LogLimit::new();
/// if let Some(line) = limit.allow() {
///     // tracing omits a field that is `None`.
///     tracing::info!(left_out = line.left_out(), "refused");
/// }
/// ```
#[derive(Debug, Default)]
pub struct LogLimit {
    uptime: Uptime,
    window: Mutex<LogWindow>,
}

/// One second and its lines.
#[derive(Debug)]
struct LogWindow {
    begin: Duration,
    lines: u32,
    /// Lines left out since the last written line.
    left_out: u64,
    /// All lines since the start, including those left out.
    count: u64,
}

/// Permission to write one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPermit {
    left_out: u64,
}

impl LogLimit {
    /// Creates a limit with the machine's clock.
    pub const fn new() -> Self {
        Self::with_uptime(Uptime::system())
    }

    /// Creates a limit with this clock.
    pub const fn with_uptime(uptime: Uptime) -> Self {
        Self { uptime, window: Mutex::new(LogWindow::EMPTY) }
    }

    /// Returns the permission to write a line now. Otherwise counts the line as left out and returns `None`.
    pub fn allow(&self) -> Option<LogPermit> {
        let now = self.uptime.now();
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(window.begin) >= Duration::from_secs(1) {
            *window = LogWindow { begin: now, lines: 0, ..*window };
        }
        window.count += 1;
        if window.lines == MAX_LINES_PER_SECOND {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(LogPermit { left_out: std::mem::take(&mut window.left_out) })
    }

    /// Returns the number of lines since the start, including those left out. Metrics read it.
    pub fn count(&self) -> u64 {
        self.window.lock().unwrap_or_else(PoisonError::into_inner).count
    }
}

impl LogWindow {
    const EMPTY: Self = Self { begin: Duration::ZERO, lines: 0, left_out: 0, count: 0 };
}

impl Default for LogWindow {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl LogPermit {
    /// Returns the number of lines left out since the last written line, as a log field. Returns `None` for zero.
    pub fn left_out(self) -> Option<u64> {
        (self.left_out > 0).then_some(self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_line_counts_lines_above_the_limit() {
        let uptime = Uptime::manual();
        let limit = LogLimit::with_uptime(uptime.clone());
        for expected in [None, Some(16), Some(16)] {
            assert_eq!(limit.allow().map(LogPermit::left_out), Some(expected));
            let shown: Vec<_> = (0..24).filter_map(|_| limit.allow()).collect();
            assert_eq!(shown, [LogPermit { left_out: 0 }; 9]);
            uptime.advance(Duration::from_millis(999));
            assert_eq!(limit.allow(), None);
            uptime.advance(Duration::from_millis(1));
        }
        assert_eq!(limit.count(), 3 * 26);
    }

    #[test]
    fn long_path_is_cut_at_a_character_and_marked() {
        let whole = "/".repeat(MAX_PATH_BYTES);
        assert_eq!(shown_path(&whole), whole);
        let cut = shown_path(&format!("{whole}/")).into_owned();
        assert_eq!((cut.len(), cut.ends_with("/…")), (MAX_PATH_BYTES, true));
        let cut = shown_path(&"€".repeat(1000)).into_owned();
        assert!(cut.len() <= MAX_PATH_BYTES && cut.ends_with("€…"), "{cut}");
    }
}
