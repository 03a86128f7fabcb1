//! The number of entries of the log that a look reads.

use std::time::Duration;

/// The size of a page that follows the end of the log, and the largest.
const ROWS: [u32; 2] = [1_000, 64_000];

/// A page that has taken less time is followed by one of twice the size: the time for a look is 400 ms.
const QUICK: Duration = Duration::from_millis(150);

/// A page that has taken more time is followed by one of half the size.
const SLOW: Duration = Duration::from_millis(250);

/// The size of a page: small at the end of the log, and as large as the way to the database has time for while a reader is far
/// from the end, since each page costs a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageSize(u32);

impl Default for PageSize {
    /// Returns the size for the end of the log.
    fn default() -> Self {
        let [least, _] = ROWS;
        Self(least)
    }
}

impl PageSize {
    /// Returns the number of entries.
    pub(super) fn rows(self) -> i64 {
        i64::from(self.0)
    }

    /// Returns the size of the page after one of this size that took so long.
    pub(super) fn next(self, took: Duration) -> Self {
        let [least, most] = ROWS;
        let rows = match took {
            took if took < QUICK => self.0 * 2,
            took if took > SLOW => self.0 / 2,
            _ => self.0,
        };
        Self(rows.clamp(least, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many pages and how much time a log of a million entries takes, each entry and each page taking this long.
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
        assert!(pages <= 150, "a slow way: {pages}");
        assert_eq!(reads(micros(200), millis(10)).0, 1_000, "a way that has no time for more");
    }
}
