//! Counts of the calls inside and outside faults, and the worst outages.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::SoakFault;
use super::call::{CallGroup, SoakCall};
use super::windows::FaultWindows;
use crate::Failure;
use crate::drill::{Answer, OutageMeter};

/// Longest recorded time, in microseconds.
const MAX_MICROS: u64 = 60_000_000;

/// Number of different failures, and of failures outside faults, that are kept.
const KEPT_ANSWERS: usize = 200;
const KEPT_FAILURES: usize = 40;

/// A call that has ended. Times count from the start of the load.
pub(super) struct EndedCall<'a> {
    pub(super) call: SoakCall,
    /// Number of the process that was called: 0 for the blog service, otherwise a replica of the auth service.
    pub(super) target: usize,
    pub(super) begun: Duration,
    pub(super) ended: Duration,
    pub(super) answer: &'a Answer,
}

/// Calls by success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Successes {
    pub(super) good: u64,
    pub(super) failed: u64,
}

/// Counts of a kind of call.
#[derive(Debug)]
pub(super) struct KindTally {
    pub(super) outside: Successes,
    pub(super) inside: Successes,
    /// Times of successful calls outside faults, in microseconds.
    pub(super) micros: Histogram<u64>,
}

/// A group of calls during a kind of fault; `None` is the time without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OutageCause {
    pub(super) fault: Option<SoakFault>,
    pub(super) group: CallGroup,
}

/// Counts of all calls.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) kinds: BTreeMap<SoakCall, KindTally>,
    /// Longest time without a success, by cause.
    pub(super) worst: BTreeMap<OutageCause, Duration>,
    /// Numbers of failures by kind, answer, and place inside or outside a fault.
    pub(super) answers: BTreeMap<String, u64>,
    /// First failures outside faults.
    pub(super) failures: Vec<String>,
    /// Arrivals without a call, because too many calls were open.
    pub(super) shed: u64,
    meter: OutageMeter<(CallGroup, usize)>,
}

impl Tally {
    /// Adds a call.
    ///
    /// # Errors
    /// Fails if there is no memory for a histogram.
    pub(super) fn record(&mut self, ended: &EndedCall<'_>, windows: &FaultWindows) -> Result<(), Failure> {
        let EndedCall { call, target, begun, ended: at, answer } = *ended;
        let fault = windows.meeting(begun, at);
        let kind = match self.kinds.entry(call) {
            Entry::Occupied(kind) => kind.into_mut(),
            Entry::Vacant(place) => place.insert(KindTally::new()?),
        };
        let counts = if fault.is_some() { &mut kind.inside } else { &mut kind.outside };
        if answer.code == tonic::Code::Ok {
            counts.good += 1;
            if fault.is_none() {
                kind.micros.saturating_record(
                    u64::try_from(at.saturating_sub(begun).as_micros()).unwrap_or(MAX_MICROS).max(1),
                );
            }
            let group = call.group();
            let Some(before) = self.meter.success((group, target), at) else { return Ok(()) };
            let cause = OutageCause { fault: windows.meeting(before, at), group };
            let worst = self.worst.entry(cause).or_default();
            *worst = at.saturating_sub(before).max(*worst);
            return Ok(());
        }
        counts.failed += 1;
        let during = fault.map_or_else(|| "outside faults".to_owned(), |fault| format!("in {}", fault.name()));
        let text = format!("{call:?}: {answer}, {during}");
        if self.answers.len() < KEPT_ANSWERS || self.answers.contains_key(&text) {
            *self.answers.entry(text).or_default() += 1;
        }
        if fault.is_none() && self.failures.len() < KEPT_FAILURES {
            let seconds = begun.as_secs_f64();
            self.failures.push(format!("{call:?} at {seconds:.1} s: {answer}, {}", answer.message));
        }
        Ok(())
    }

    /// Returns the sums of all kinds, outside or inside faults.
    pub(super) fn sum(&self, part: impl Fn(&KindTally) -> Successes) -> Successes {
        self.kinds.values().map(part).fold(Successes::default(), |sum, part| Successes {
            good: sum.good + part.good,
            failed: sum.failed + part.failed,
        })
    }
}

impl KindTally {
    fn new() -> Result<Self, Failure> {
        let micros = Histogram::new_with_bounds(1, MAX_MICROS, 2)?;
        Ok(Self { outside: Successes::default(), inside: Successes::default(), micros })
    }

    /// Returns a quantile of the times, in milliseconds.
    pub(super) fn millis(&self, quantile: f64) -> f64 {
        Duration::from_micros(self.micros.value_at_quantile(quantile)).as_secs_f64() * 1000.0
    }
}

impl Successes {
    /// Returns the share of successes, from 0 to 1; 1 for no calls.
    #[expect(clippy::cast_precision_loss, reason = "a run makes far fewer than 2^53 calls")]
    pub(super) fn share(self) -> f64 {
        let all = self.good + self.failed;
        if all == 0 { 1.0 } else { self.good as f64 / all as f64 }
    }

    /// Returns the counts as text.
    pub(super) fn text(self) -> String {
        format!("{} of {} ({:.3} %)", self.good, self.good + self.failed, self.share() * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn calls_count_inside_or_outside_faults() -> Result<(), Failure> {
        let (mut tally, windows) = (Tally::default(), FaultWindows::default());
        let (good, bad) = (Answer::success(), Answer::of(&Status::unavailable("gone")));
        let mut add = |begun, answer: &Answer, windows: &FaultWindows| {
            let (call, target, begun, ended) = (SoakCall::GetPost, 0, secs(begun), secs(begun + 1));
            tally.record(&EndedCall { call, target, begun, ended, answer }, windows)
        };
        add(1, &good, &windows)?;
        add(2, &bad, &windows)?;
        windows.open(SoakFault::KillBlog, secs(9));
        add(8, &bad, &windows)?;
        add(10, &bad, &windows)?;
        windows.close(secs(10));
        add(11, &good, &windows)?;
        add(12, &good, &windows)?;
        assert_eq!(tally.sum(|kind| kind.outside), Successes { good: 2, failed: 1 });
        assert_eq!(tally.sum(|kind| kind.inside), Successes { good: 1, failed: 2 });
        assert_eq!((tally.failures.len(), tally.answers.len()), (1, 2));
        let outage = |fault| tally.worst.get(&OutageCause { fault, group: CallGroup::GuardedReads }).copied();
        assert_eq!((outage(Some(SoakFault::KillBlog)), outage(None)), (Some(secs(10)), Some(secs(1))));
        Ok(())
    }

    #[test]
    fn share_is_exact_to_single_calls() {
        assert!(Successes { good: 9_995, failed: 5 }.share() >= 0.9995);
        assert!(Successes { good: 9_994, failed: 6 }.share() < 0.9995);
        assert!(Successes::default().share() >= 1.0);
    }
}
