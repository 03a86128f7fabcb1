//! Number of log entries that a poll reads.

use std::time::Duration;

/// Page size at the end of the log.
const MIN_PAGE_ROWS: u32 = 1_000;

/// Largest page size.
const MAX_PAGE_ROWS: u32 = 64_000;

/// Duration below which the next page is twice as large. A poll has 400 ms.
const QUICK_POLL_TIME: Duration = Duration::from_millis(150);

/// Duration above which the next page is half as large.
const SLOW_POLL_TIME: Duration = Duration::from_millis(250);

/// Page size: small at the end of the log. Far from the end, as large as a poll can read within its time limit, because
/// each page costs a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageSize(u32);

impl Default for PageSize {
    /// Returns the size at the end of the log.
    fn default() -> Self {
        Self(MIN_PAGE_ROWS)
    }
}

impl PageSize {
    /// Returns the number of entries.
    pub(super) fn rows(self) -> i64 {
        i64::from(self.0)
    }

    /// Returns the size of the next page after a page of this size that took `took`.
    pub(super) fn next(self, took: Duration) -> Self {
        let rows = match took {
            took if took < QUICK_POLL_TIME => self.0 * 2,
            took if took > SLOW_POLL_TIME => self.0 / 2,
            _ => self.0,
        };
        Self(rows.clamp(MIN_PAGE_ROWS, MAX_PAGE_ROWS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of pages and the time to read a million entries, given the time per entry and per page.
    fn reads(entry: Duration, page: Duration) -> (u32, Duration) {
        let (mut size, mut left, mut pages, mut time) = (PageSize::default(), 1_000_000_u32, 0, Duration::ZERO);
        while left > 0 {
            let took = page + entry * size.0.min(left);
            assert!(took < Duration::from_millis(400), "a page of {} takes {took:?}", size.0);
            (left, pages, time) = (left.saturating_sub(size.0), pages + 1, time + took);
            size = size.next(took);
        }
        (pages, time)
    }

    #[test]
    fn pages_grow_while_time_is_left() {
        let (micros, millis) = (Duration::from_micros, Duration::from_millis);
        let (pages, time) = reads(micros(2), millis(10));
        assert!(pages <= 25 && time < millis(2_300), "{pages} {time:?}");
        let (pages, time) = reads(micros(2), millis(100));
        assert!(pages <= 45 && time < millis(6_500), "{pages} {time:?}");
        let (pages, _) = reads(micros(20), millis(10));
        assert!(pages <= 150, "a slow connection: {pages}");
        assert_eq!(reads(micros(200), millis(10)).0, 1_000, "a connection that is too slow for larger pages");
    }
}
