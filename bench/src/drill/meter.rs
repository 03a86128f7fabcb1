//! The worst outage that a client sees: the longest time without a success of calls that should succeed.

use std::collections::BTreeMap;
use std::time::Duration;

/// Longest times without a success, for each kind of call. Times count from a common origin.
#[derive(Clone, Debug)]
pub struct OutageMeter<K> {
    kinds: BTreeMap<K, LongestGap>,
}

/// The last success of a kind of call, and the longest time without one.
#[derive(Clone, Copy, Debug)]
struct LongestGap {
    last: Duration,
    worst: Duration,
}

impl<K> Default for OutageMeter<K> {
    fn default() -> Self {
        Self { kinds: BTreeMap::new() }
    }
}

impl<K: Ord> OutageMeter<K> {
    /// Starts to measure a kind of call, unless it is measured already.
    pub fn begin(&mut self, kind: K, now: Duration) {
        self.kinds.entry(kind).or_insert(LongestGap { last: now, worst: Duration::ZERO });
    }

    /// Adds a success. Returns the time of the kind's success before it.
    pub fn success(&mut self, kind: K, now: Duration) -> Option<Duration> {
        let Some(gap) = self.kinds.get_mut(&kind) else {
            self.begin(kind, now);
            return None;
        };
        let before = gap.last;
        gap.add(now);
        Some(before)
    }

    /// Ends the measurement: the time since the last success of each kind counts, too.
    pub fn end(&mut self, now: Duration) {
        self.kinds.values_mut().for_each(|gap| gap.add(now));
    }

    /// Adds the outages of another measurement. The time between the two does not count.
    pub fn add(&mut self, other: Self) {
        for (kind, gap) in other.kinds {
            let sum = self.kinds.entry(kind).or_insert(gap);
            *sum = LongestGap { last: gap.last, worst: sum.worst.max(gap.worst) };
        }
    }

    /// Returns the worst outage of all kinds.
    pub fn worst(&self) -> Duration {
        self.by_kind().map(|(_, worst)| worst).max().unwrap_or_default()
    }

    /// Returns the worst outage of each kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (&K, Duration)> {
        self.kinds.iter().map(|(kind, gap)| (kind, gap.worst))
    }
}

impl LongestGap {
    fn add(&mut self, now: Duration) {
        // Calls of several tasks may be added a little out of order.
        self.worst = self.worst.max(now.saturating_sub(self.last));
        self.last = self.last.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn longest_gap_of_each_kind_is_found() {
        let mut meter = OutageMeter::default();
        meter.begin("read", ms(0));
        for time in [10, 20, 320, 330] {
            meter.success("read", ms(time));
        }
        assert_eq!(meter.success("write", ms(40)), None);
        assert_eq!(meter.success("write", ms(90)), Some(ms(40)));
        assert_eq!(meter.by_kind().collect::<Vec<_>>(), [(&"read", ms(300)), (&"write", ms(50))]);
        // A kind that never succeeds again has an outage until the end.
        meter.end(ms(1_090));
        assert_eq!((meter.worst(), meter.by_kind().next()), (ms(1_000), Some((&"read", ms(760)))));
    }

    #[test]
    fn time_between_two_measurements_does_not_count() {
        let (mut one, mut other) = (OutageMeter::default(), OutageMeter::default());
        for (meter, times) in [(&mut one, [0, 30]), (&mut other, [5_000, 5_070])] {
            for time in times {
                meter.success("read", ms(time));
            }
        }
        one.add(other);
        assert_eq!(one.worst(), ms(70));
    }
}
