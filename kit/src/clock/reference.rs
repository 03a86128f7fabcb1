//! Reference for the time of day, as a pure state machine: it reads no clock and no database.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Anchor;

/// Difference from which a clock counts as wrong.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// Smallest lead of the machine's clock at which the server's time replaces it. A measurement is only as exact as its
/// round trip.
const SERVER_TIME_NOISE: TimeDelta = TimeDelta::milliseconds(500);

/// Time after which a change of a clock without a server is accepted, if the clock runs evenly.
const CHANGE_ACCEPTED_AFTER: Duration = Duration::from_hours(1);

/// Time after a start in which no data is deleted by an unconfirmed clock. A machine that has just booted may not have
/// reached a time server yet.
const SETTLING_TIME: Duration = Duration::from_mins(10);

/// Pause between two writes of the anchor.
const ANCHOR_INTERVAL: Duration = Duration::from_mins(1);

/// Reason not to delete data by a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The clock differs from its reference by this much.
    #[error("the clock is {} its reference", OffsetText(*.0))]
    Disagrees(TimeDelta),
    /// The clock is not confirmed yet.
    #[error("the clock is not confirmed yet")]
    Unsettled,
}

/// Offset that is displayed in words.
pub(super) struct OffsetText(pub(super) TimeDelta);

impl std::fmt::Display for OffsetText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let direction = if self.0 < TimeDelta::zero() { "behind" } else { "ahead of" };
        let millis = self.0.num_milliseconds().unsigned_abs();
        write!(formatter, "{}.{} s {direction}", millis / 1000, millis % 1000 / 100)
    }
}

/// Source of the reference time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReferenceSource {
    /// Database server, at each measurement.
    Server,
    /// Machine's boot clock, counted from a moment at which the time of day was trusted.
    Stored,
}

/// Time of day at one moment of the boot clock, which counts the time since.
#[derive(Clone, Copy, Debug)]
struct ClockPoint {
    time: DateTime<Utc>,
    uptime: Duration,
}

/// Bounds of the true time.
#[derive(Clone, Copy, Debug)]
struct ReferenceBounds {
    source: ReferenceSource,
    low: ClockPoint,
    /// `None` if any later time is possible, because the machine was off.
    high: Option<ClockPoint>,
}

/// Reference for the machine's clock.
#[derive(Debug)]
pub(super) struct Reference {
    bounds: Option<ReferenceBounds>,
    started: Duration,
    /// True if the anchor is of this boot.
    is_settled: bool,
    /// Offset after a change, and the uptime since which the offset is stable.
    changed: Option<(TimeDelta, Duration)>,
    steps_back: u64,
    /// Uptime of the last written anchor.
    anchored: Option<Duration>,
}

impl ClockPoint {
    fn time_at(self, uptime: Duration) -> DateTime<Utc> {
        self.time + delta(uptime) - delta(self.uptime)
    }
}

impl ReferenceBounds {
    fn exact(source: ReferenceSource, time: DateTime<Utc>, uptime: Duration) -> Self {
        let point = ClockPoint { time, uptime };
        Self { source, low: point, high: Some(point) }
    }

    fn offset(&self, own: DateTime<Utc>, uptime: Duration) -> TimeDelta {
        let low = self.low.time_at(uptime);
        match self.high.map(|high| high.time_at(uptime)) {
            _ if own < low => own - low,
            Some(high) if own > high => own - high,
            _ => TimeDelta::zero(),
        }
    }
}

impl Reference {
    pub(super) fn new(started: Duration) -> Self {
        Self { bounds: None, started, is_settled: false, changed: None, steps_back: 0, anchored: None }
    }

    pub(super) fn is_known(&self) -> bool {
        self.bounds.is_some()
    }

    pub(super) fn source(&self) -> Option<ReferenceSource> {
        self.bounds.map(|bounds| bounds.source)
    }

    pub(super) fn steps_back(&self) -> u64 {
        self.steps_back
    }

    fn server(&self) -> Option<&ReferenceBounds> {
        self.bounds.as_ref().filter(|bounds| bounds.source == ReferenceSource::Server)
    }

    /// Returns the time to use: the machine's, or the server's if it is clearly earlier.
    pub(super) fn effective_time(&self, own: DateTime<Utc>, uptime: Duration) -> DateTime<Utc> {
        let server = self.server().map(|bounds| bounds.low.time_at(uptime));
        server.filter(|server| own - *server > SERVER_TIME_NOISE).unwrap_or(own)
    }

    /// Returns the machine's time, or the reference time if the machine is ahead.
    pub(super) fn earliest(&self, own: DateTime<Utc>, uptime: Duration) -> DateTime<Utc> {
        let ahead = self.offset(own, uptime);
        if self.source() == Some(ReferenceSource::Stored) && ahead > CLOCK_TOLERANCE {
            own - ahead
        } else {
            self.effective_time(own, uptime)
        }
    }

    /// Returns the latest time that another replica may use.
    pub(super) fn latest(&self, own: DateTime<Utc>, uptime: Duration) -> DateTime<Utc> {
        let server = self.server().and_then(|bounds| bounds.high).map(|high| high.time_at(uptime));
        server.map_or(own, |server| server.max(own))
    }

    pub(super) fn offset(&self, own: DateTime<Utc>, uptime: Duration) -> TimeDelta {
        self.bounds.map_or(TimeDelta::zero(), |bounds| bounds.offset(own, uptime))
    }

    /// Fails if the clock cannot be trusted with deletions.
    pub(super) fn check(&self, own: DateTime<Utc>, uptime: Duration, leeway: TimeDelta) -> Result<(), Doubt> {
        let offset = self.offset(own, uptime);
        if offset.abs() > leeway {
            return Err(Doubt::Disagrees(offset));
        }
        let is_settled = match self.source() {
            Some(ReferenceSource::Server) => true,
            Some(ReferenceSource::Stored) => self.is_settled || uptime.saturating_sub(self.started) >= SETTLING_TIME,
            None => false,
        };
        if is_settled { Ok(()) } else { Err(Doubt::Unsettled) }
    }

    pub(super) fn note_server(&mut self, time: DateTime<Utc>, asked: Duration, answered: Duration) {
        // The time in the answer may be as old as the request.
        let (low, high) = (ClockPoint { time, uptime: answered }, ClockPoint { time, uptime: asked });
        self.bounds = Some(ReferenceBounds { source: ReferenceSource::Server, low, high: Some(high) });
    }

    pub(super) fn note_anchor(
        &mut self,
        anchor: Option<&Anchor>,
        boot: Option<&str>,
        own: DateTime<Utc>,
        uptime: Duration,
    ) {
        let is_same_boot =
            |anchor: &Anchor| !anchor.boot.is_empty() && boot == Some(&anchor.boot) && anchor.uptime <= uptime;
        self.is_settled = anchor.is_some_and(is_same_boot);
        self.bounds = Some(match anchor {
            Some(anchor) if self.is_settled => {
                ReferenceBounds::exact(ReferenceSource::Stored, anchor.time, anchor.uptime)
            }
            // The machine was off for an unknown time.
            Some(anchor) => ReferenceBounds {
                source: ReferenceSource::Stored,
                low: ClockPoint { time: anchor.time, uptime },
                high: None,
            },
            None => ReferenceBounds::exact(ReferenceSource::Stored, own, uptime),
        });
        self.compare(own, uptime);
    }

    /// Returns true once a minute while the clock agrees with its reference: then the anchor must be written.
    pub(super) fn is_anchor_due(&mut self, own: DateTime<Utc>, uptime: Duration) -> bool {
        let agrees = self.offset(own, uptime).abs() <= CLOCK_TOLERANCE;
        let is_due = agrees && self.anchored.is_none_or(|last| uptime.saturating_sub(last) >= ANCHOR_INTERVAL);
        if is_due {
            self.anchored = Some(uptime);
        }
        is_due
    }

    /// Follows the machine's clock if the boot clock is the only reference.
    pub(super) fn compare(&mut self, own: DateTime<Utc>, uptime: Duration) {
        let Some(bounds) = self.bounds.filter(|bounds| bounds.source == ReferenceSource::Stored) else { return };
        let offset = bounds.offset(own, uptime);
        let known = self.changed.map_or(TimeDelta::zero(), |(known, _)| known);
        let is_same = (offset - known).abs() <= CLOCK_TOLERANCE;
        if offset < known && !is_same {
            self.steps_back += 1;
        }
        let is_right = offset.abs() <= CLOCK_TOLERANCE;
        let is_accepted =
            is_same && self.changed.is_some_and(|(_, since)| uptime.saturating_sub(since) >= CHANGE_ACCEPTED_AFTER);
        if is_right || is_accepted {
            // Small corrections must not add up.
            self.bounds = Some(ReferenceBounds::exact(ReferenceSource::Stored, own, uptime));
            self.changed = None;
        } else if !is_same {
            self.changed = Some((offset, uptime));
        }
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEEWAY: TimeDelta = TimeDelta::seconds(5);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + second, 0).unwrap()
    }

    const fn up(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    fn anchor(boot: &str, uptime: u64, second: i64) -> Anchor {
        Anchor { boot: boot.into(), uptime: up(uptime), time: at(second) }
    }

    #[test]
    fn server_time_lies_between_question_and_answer() {
        let mut reference = Reference::new(up(0));
        assert_eq!(reference.check(at(0), up(0), LEEWAY), Err(Doubt::Unsettled));
        reference.note_server(at(10), up(100), up(102));
        let offset = |second, uptime| reference.offset(at(second), up(uptime)).num_seconds();
        assert_eq!([10, 11, 12].map(|second| offset(second, 102)), [0, 0, 0]);
        assert_eq!((offset(9, 102), offset(15, 102), offset(115, 202)), (-1, 3, 3));
        assert_eq!(reference.check(at(17), up(102), LEEWAY), Ok(()));
        assert_eq!(reference.check(at(18), up(102), LEEWAY), Err(Doubt::Disagrees(TimeDelta::seconds(6))));
        assert_eq!(reference.check(at(4), up(102), LEEWAY), Err(Doubt::Disagrees(TimeDelta::seconds(-6))));
        assert_eq!((reference.effective_time(at(99), up(102)), reference.latest(at(99), up(102))), (at(10), at(99)));
        assert_eq!((reference.earliest(at(99), up(102)), reference.earliest(at(-9), up(102))), (at(10), at(-9)));
        assert_eq!((reference.effective_time(at(-9), up(102)), reference.latest(at(-9), up(102))), (at(-9), at(12)));
    }

    #[test]
    fn forward_step_is_doubted_for_an_hour() {
        let mut reference = Reference::new(up(60));
        reference.note_anchor(Some(&anchor("a", 10, 0)), Some("a"), at(50), up(60));
        assert_eq!(reference.check(at(50), up(60), LEEWAY), Ok(()), "the boot clock has gone on");
        let ahead = 8 * 86_400;
        for uptime in [70, 3_669] {
            let own = at(ahead + i64::try_from(uptime).unwrap() - 10);
            reference.compare(own, up(uptime));
            assert_eq!(reference.check(own, up(uptime), LEEWAY), Err(Doubt::Disagrees(TimeDelta::days(8))));
            assert_eq!(reference.effective_time(own, up(uptime)), own, "there is no other clock");
            assert_eq!(
                reference.earliest(own, up(uptime)),
                own - TimeDelta::days(8),
                "the boot clock blocks no caller"
            );
        }
        let mut right_again = Reference::new(up(3_700));
        right_again.note_anchor(Some(&anchor("a", 10, 0)), Some("a"), at(3_690), up(3_700));
        assert_eq!((right_again.check(at(3_690), up(3_700), LEEWAY), right_again.steps_back()), (Ok(()), 0));
        reference.compare(at(ahead + 3_660), up(3_670));
        assert_eq!(reference.check(at(ahead + 3_660), up(3_670), LEEWAY), Ok(()), "the change is accepted");
        reference.compare(at(3_700), up(3_710));
        assert_eq!(reference.steps_back(), 1);
    }

    #[test]
    fn clock_set_back_to_the_right_time_is_counted() {
        let mut reference = Reference::new(up(0));
        reference.note_anchor(None, None, at(0), up(0));
        for (second, uptime, steps) in
            [(3600, 10, 0), (3610, 20, 0), (30, 30, 1), (40, 40, 1), (-60, 50, 2), (60, 60, 2)]
        {
            reference.compare(at(second), up(uptime));
            assert_eq!(reference.steps_back(), steps, "{second}");
        }
    }

    #[test]
    fn clock_behind_stored_times_is_doubted_and_counted() {
        for boot in ["a", "another"] {
            let mut reference = Reference::new(up(60));
            reference.note_anchor(Some(&anchor("a", 10, 100)), Some(boot), at(-3600), up(60));
            assert_eq!(reference.steps_back(), 1, "{boot}");
            assert!(matches!(reference.check(at(-3600), up(60), LEEWAY), Err(Doubt::Disagrees(_))), "{boot}");
            assert_eq!(reference.earliest(at(-3600), up(60)), at(-3600), "{boot}");
        }
    }

    #[test]
    fn clock_of_a_machine_that_was_off_settles_first() {
        for earlier in [None, Some(anchor("a", 10, 0))] {
            let mut reference = Reference::new(up(5));
            let own = at(90 * 86_400);
            reference.note_anchor(earlier.as_ref(), Some("b"), own, up(5));
            assert_eq!(reference.offset(own, up(5)), TimeDelta::zero(), "any later time is possible");
            assert_eq!(reference.check(own, up(5), LEEWAY), Err(Doubt::Unsettled));
            assert_eq!(reference.check(own + TimeDelta::minutes(10), up(605), LEEWAY), Ok(()));
        }
    }

    #[test]
    fn small_corrections_do_not_add_up() {
        let mut reference = Reference::new(up(0));
        reference.note_anchor(None, None, at(0), up(0));
        for step in 1..100 {
            let (own, uptime) = (at(step * 61), up(u64::try_from(step).unwrap() * 60));
            reference.compare(own, uptime);
            assert_eq!(reference.check(own, uptime, LEEWAY).err(), (step < 10).then_some(Doubt::Unsettled));
        }
        assert_eq!(reference.steps_back(), 0);
    }

    #[test]
    fn differences_are_written_in_words() {
        assert_eq!(OffsetText(TimeDelta::milliseconds(12_345)).to_string(), "12.3 s ahead of");
        assert_eq!(OffsetText(TimeDelta::milliseconds(-2_050)).to_string(), "2.0 s behind");
    }
}
