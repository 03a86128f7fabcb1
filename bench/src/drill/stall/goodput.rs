//! Goodput before and after the stall: successful calls in a second.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::arrivals::ArrivedCall;

/// The time over which goodput is averaged, and the precision of the recovery time.
const WINDOW: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(100);

/// The calls of a run, in the order of their start.
pub(super) struct Goodput {
    calls: Vec<ArrivedCall>,
    /// Ends of successful calls, in order.
    successes: Vec<Instant>,
}

impl Goodput {
    pub(super) fn new(calls: Vec<ArrivedCall>) -> Self {
        let good = calls.iter().filter(|call| call.outcome.failure.is_none());
        let mut successes: Vec<_> = good.map(|call| call.ended).collect();
        successes.sort();
        Self { calls, successes }
    }

    /// Returns the successes in a second from one time to another.
    pub(super) fn rate(&self, from: Instant, to: Instant) -> f64 {
        let before = |time: Instant| self.successes.partition_point(|success| *success < time);
        count(before(to).saturating_sub(before(from))) / (to - from).as_secs_f64()
    }

    /// Returns the time after `from` at which the goodput is back; `None` if it is not back before `end`.
    pub(super) fn recovery(&self, from: Instant, end: Instant, wanted: f64) -> Option<Duration> {
        let mut time = from;
        while time + WINDOW <= end {
            if self.rate(time, time + WINDOW) >= wanted {
                return Some(time - from);
            }
            time += STEP;
        }
        None
    }

    /// Returns the percentage of the calls that began in this time and succeeded.
    pub(super) fn percent(&self, from: Instant, to: Instant) -> f64 {
        let begun = || self.calls.iter().filter(|call| call.begun >= from && call.begun < to);
        let good = begun().filter(|call| call.outcome.failure.is_none()).count();
        count(good) * 100.0 / count(begun().count().max(1))
    }

    /// Returns the longest time from the start of a client's successful call to the start of its next one.
    pub(super) fn worst_outage(&self) -> Duration {
        let mut good: Vec<_> = self.calls.iter().filter(|call| call.outcome.failure.is_none()).collect();
        good.sort_by_key(|call| (call.client, call.begun));
        let pairs = good.windows(2).filter(|pair| pair[0].client == pair[1].client);
        pairs.map(|pair| pair[1].begun - pair[0].begun).max().unwrap_or_default()
    }

    /// Returns the successes of each second of this time, as text.
    pub(super) fn by_second(&self, from: Instant, to: Instant) -> String {
        let (mut text, mut time) = (Vec::new(), from);
        while time + Duration::from_secs(1) <= to {
            text.push(format!("{:.0}", self.rate(time, time + Duration::from_secs(1))));
            time += Duration::from_secs(1);
        }
        text.join(" ")
    }

    /// Returns the number of attempts for each call that began in this time.
    pub(super) fn attempts(&self, from: Instant, to: Instant) -> f64 {
        let begun = || self.calls.iter().filter(|call| call.begun >= from && call.begun < to);
        begun().map(|call| f64::from(call.outcome.attempts)).sum::<f64>() / count(begun().count().max(1))
    }

    /// Returns a line for each kind of final failure.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut counts = BTreeMap::new();
        for call in &self.calls {
            if let Some(failure) = &call.outcome.failure {
                *counts.entry((call.operation, failure.to_string())).or_insert(0_usize) += 1;
            }
        }
        counts
            .into_iter()
            .map(|((operation, failure), times)| format!("    {operation:?}: {failure}: {times}"))
            .collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "the calls of a minute are few")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::super::client::CallOutcome;
    use super::super::plan::StalledOperation;
    use super::*;
    use crate::drill::Answer;

    /// Returns calls of one client, one in each 100 ms, that succeed unless they begin in the silence, in milliseconds.
    fn calls(start: Instant, silence: std::ops::Range<u64>) -> Goodput {
        let call = |number: u64| {
            let begun = start + Duration::from_millis(number * 100);
            let failure = silence.contains(&(number * 100)).then(|| Answer::of(&tonic::Status::unavailable("silence")));
            let outcome = CallOutcome { attempts: 1, failure };
            ArrivedCall { client: 0, operation: StalledOperation::GetMe, begun, ended: begun, outcome }
        };
        Goodput::new((0..200).map(call).collect())
    }

    #[test]
    fn recovery_is_the_start_of_good_seconds() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let goodput = calls(start, 5_000..9_000);
        assert!((goodput.rate(at(0), at(5_000)) - 10.0).abs() < 0.01);
        assert_eq!(goodput.by_second(at(4_000), at(11_000)), "10 0 0 0 0 10 10");
        // Nine tenths of three seconds may begin up to 0.3 s early.
        assert_eq!(goodput.recovery(at(7_000), at(20_000), 9.0), Some(Duration::from_millis(1_700)));
        assert_eq!(goodput.recovery(at(7_000), at(9_500), 9.0), None);
        assert_eq!(goodput.worst_outage(), Duration::from_millis(4_100));
        assert!((goodput.percent(at(8_000), at(10_000)) - 50.0).abs() < 0.01);
        assert_eq!(goodput.failures(), ["    GetMe: Unavailable : 40"]);
    }
}
