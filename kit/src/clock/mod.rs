//! Time of day as an argument, compared with the database server or the boot clock.

mod anchor;
mod keep;
mod reference;

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use gatepost::Uptime;

pub use anchor::Anchor;
pub use keep::keep;
pub use reference::{CLOCK_TOLERANCE, Doubt};
use reference::{Reference, ReferenceSource};

/// Clock of the time of day, in microseconds, which both database engines store.
///
/// Clones share the reference with which the machine's clock is compared. [`now`](Self::now) is the earlier of the
/// machine's time and the database server's. All replicas share the server's clock, so no replica writes a time in
/// another replica's future.
#[derive(Clone, Debug)]
pub struct Clock {
    source: TimeSource,
    uptime: Uptime,
    reference: Arc<Mutex<Reference>>,
}

#[derive(Clone, Debug)]
enum TimeSource {
    /// Machine's clock plus this many microseconds.
    System(Arc<AtomicI64>),
    Manual(Arc<AtomicI64>),
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// Returns the machine's clock.
    pub fn system() -> Self {
        Self::wrong(TimeDelta::zero())
    }

    /// Returns the machine's clock, set wrong by this much, for tests.
    pub fn wrong(by: TimeDelta) -> Self {
        let off = Arc::new(AtomicI64::new(by.num_microseconds().unwrap_or_default()));
        Self::with_source(TimeSource::System(off), Uptime::system())
    }

    /// Returns a clock that stands at `start` until it is advanced. Its clones move with it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::with_source(TimeSource::Manual(Arc::new(AtomicI64::new(start.timestamp_micros()))), Uptime::manual())
    }

    fn with_source(source: TimeSource, uptime: Uptime) -> Self {
        let reference = Reference::new(uptime.now());
        Self { source, uptime, reference: Arc::new(Mutex::new(reference)) }
    }

    /// Returns the same clock with a reference of its own, for another database.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::with_source(self.source.clone(), self.uptime.clone())
    }

    /// Returns the current time: the machine's, or the database server's if it is earlier.
    pub fn now(&self) -> DateTime<Utc> {
        let own = self.own();
        self.reference().effective_time(own, self.uptime.now())
    }

    /// Returns the machine's time, or the reference time if the machine is ahead. Use it to compute the times until
    /// which callers must wait.
    ///
    /// On SQLite the reference is the boot clock, until a change has lasted for an hour.
    pub fn earliest(&self) -> DateTime<Utc> {
        let own = self.own();
        self.reference().earliest(own, self.uptime.now())
    }

    /// Returns the later of the machine's time and the database server's. Another replica's [`now`](Self::now) may be
    /// later only by the tolerated error of its clock.
    pub fn latest(&self) -> DateTime<Utc> {
        let own = self.own();
        self.reference().latest(own, self.uptime.now())
    }

    /// Returns the offset of the machine's clock from its reference; negative if it is behind.
    pub fn offset(&self) -> TimeDelta {
        let own = self.own();
        self.reference().offset(own, self.uptime.now())
    }

    /// Fails while this clock is not trusted enough to delete data by it: data that is deleted too early is lost.
    ///
    /// # Errors
    /// [`Doubt`].
    pub fn check_trusted(&self, leeway: TimeDelta) -> Result<(), Doubt> {
        let own = self.own();
        self.reference().check(own, self.uptime.now(), leeway)
    }

    /// Returns true if stored times may be repaired by this clock: a server's time, if there is one, must agree.
    ///
    /// Without a server this is always allowed: a clock that was ahead looks the same as a clock that is now behind.
    pub fn may_repair(&self, leeway: TimeDelta) -> bool {
        let own = self.own();
        let (reference, uptime) = (self.reference(), self.uptime.now());
        reference.source() != Some(ReferenceSource::Server) || reference.offset(own, uptime).abs() <= leeway
    }

    /// Returns the number of times that the machine's clock stepped back beyond the tolerance, as the boot clock shows.
    /// Rows written before a step may have times in the future.
    pub fn steps_back(&self) -> u64 {
        self.reference().steps_back()
    }

    /// Compares the machine's clock with its reference. Without a server, a change that has lasted for an hour is
    /// accepted.
    pub fn compare(&self) {
        let own = self.own();
        self.reference().compare(own, self.uptime.now());
    }

    /// Records a database server's time, with the [`uptime`](Self::uptime) at the request and at the answer.
    pub fn note_server(&self, time: DateTime<Utc>, asked: Duration, answered: Duration) {
        self.reference().note_server(time, asked, answered);
    }

    /// Records the anchor that an earlier process stored in a file.
    pub fn note_anchor(&self, anchor: Option<&Anchor>) {
        let (own, boot) = (self.own(), self.boot());
        self.reference().note_anchor(anchor, boot.as_deref(), own, self.uptime.now());
    }

    /// Returns the anchor to store, once a minute; `None` in between, and while the clock disagrees with its reference.
    pub fn due_anchor(&self) -> Option<Anchor> {
        let (time, uptime) = (self.own(), self.uptime.now());
        let is_due = self.reference().is_anchor_due(time, uptime);
        is_due.then(|| Anchor { boot: self.boot().unwrap_or_default(), uptime, time })
    }

    /// Returns true once the clock has a reference.
    pub fn is_compared(&self) -> bool {
        self.reference().is_known()
    }

    /// Returns true for a manual clock, to which no server's time applies.
    pub fn is_manual(&self) -> bool {
        matches!(self.source, TimeSource::Manual(_))
    }

    /// Returns the time of the machine's boot clock, which no change of the time of day moves.
    pub fn uptime(&self) -> Duration {
        self.uptime.now()
    }

    /// Moves a manual clock and its boot clock forward. Has no effect on the machine's clock.
    pub fn advance(&self, by: Duration) {
        if let TimeSource::Manual(micros) = &self.source {
            micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), SeqCst);
            self.uptime.advance(by);
        }
    }

    /// Sets the clock forward or back by this much while no time passes, for tests.
    pub fn jump(&self, by: TimeDelta) {
        let (TimeSource::System(micros) | TimeSource::Manual(micros)) = &self.source;
        micros.fetch_add(by.num_microseconds().unwrap_or_default(), SeqCst);
    }

    /// Returns the machine's own time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn own(&self) -> DateTime<Utc> {
        match &self.source {
            TimeSource::System(off) => Utc::now().trunc_subsecs(6) + TimeDelta::microseconds(off.load(SeqCst)),
            TimeSource::Manual(micros) => DateTime::from_timestamp_micros(micros.load(SeqCst)).unwrap_or_default(),
        }
    }

    /// Returns the id of this boot. A manual clock has an id of its own.
    fn boot(&self) -> Option<String> {
        match &self.source {
            TimeSource::System(_) => anchor::boot_id(),
            TimeSource::Manual(micros) => Some(format!("manual {:p}", Arc::as_ptr(micros))),
        }
    }

    /// Returns the name of the reference, for messages.
    pub fn compared_with(&self) -> &'static str {
        match self.reference().source() {
            Some(ReferenceSource::Server) => "the database server's",
            Some(ReferenceSource::Stored) | None => "the boot clock and the times in the database",
        }
    }

    fn reference(&self) -> MutexGuard<'_, Reference> {
        self.reference.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_with_its_clones() {
        let clock = Clock::manual(DateTime::from_timestamp(1_000, 0).unwrap());
        let same = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(same.now().timestamp_millis(), 1_001_500);
        assert_eq!(same.uptime(), Duration::from_millis(1500));
        same.jump(TimeDelta::seconds(-1));
        assert_eq!((clock.now().timestamp_millis(), clock.uptime()), (1_000_500, Duration::from_millis(1500)));
    }

    #[test]
    fn time_is_truncated_to_microseconds() {
        assert_eq!(Clock::system().now().timestamp_subsec_nanos() % 1_000, 0);
    }

    #[test]
    fn clock_set_wrong_follows_the_earlier_of_two_times() {
        let clock = Clock::manual(DateTime::from_timestamp(1_000, 0).unwrap());
        let true_time = clock.now();
        clock.note_server(true_time, clock.uptime(), clock.uptime());
        clock.jump(TimeDelta::hours(1));
        assert_eq!((clock.now(), clock.latest()), (true_time, true_time + TimeDelta::hours(1)));
        assert_eq!(clock.offset(), TimeDelta::hours(1));
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), true_time + TimeDelta::seconds(5), "the server's time goes on");
        clock.jump(TimeDelta::hours(-2));
        assert_eq!(clock.offset(), TimeDelta::hours(-1));
        assert_eq!(clock.now(), true_time + TimeDelta::seconds(5) - TimeDelta::hours(1));
        assert_eq!(clock.latest(), true_time + TimeDelta::seconds(5));
        assert_eq!(clock.apart().offset(), TimeDelta::zero(), "another database says nothing about this one");
    }
}
