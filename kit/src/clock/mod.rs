//! The time of day as an argument, compared with what else tells the time.

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
pub use reference::{Doubt, TOLERANCE};
use reference::{Reference, ReferenceSource};

/// Tells the time of day, truncated to microseconds: what both database engines keep.
///
/// The clones of a clock share what the machine's clock has been compared with. A database server's clock is a second opinion
/// that all replicas share: [`now`](Self::now) is the earlier of the two, so that nothing is written with a time that is in
/// another replica's future.
#[derive(Clone, Debug)]
pub struct Clock {
    source: TimeSource,
    uptime: Uptime,
    reference: Arc<Mutex<Reference>>,
}

#[derive(Clone, Debug)]
enum TimeSource {
    /// The machine's, set wrong by this many microseconds.
    System(Arc<AtomicI64>),
    Manual(Arc<AtomicI64>),
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::wrong(TimeDelta::zero())
    }

    /// The machine's clock as if it had been set wrong by this much: for tests.
    pub fn wrong(by: TimeDelta) -> Self {
        let off = Arc::new(AtomicI64::new(by.num_microseconds().unwrap_or_default()));
        Self::with(TimeSource::System(off), Uptime::system())
    }

    /// A clock that stands at `start` until it is advanced; its clones stand and move with it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::with(TimeSource::Manual(Arc::new(AtomicI64::new(start.timestamp_micros()))), Uptime::manual())
    }

    fn with(source: TimeSource, uptime: Uptime) -> Self {
        let reference = Reference::new(uptime.now());
        Self { source, uptime, reference: Arc::new(Mutex::new(reference)) }
    }

    /// Returns the same clock, to be compared with the times of another database.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::with(self.source.clone(), self.uptime.clone())
    }

    /// The time now: the machine's, or the database server's where that is earlier.
    pub fn now(&self) -> DateTime<Utc> {
        let own = self.own();
        self.reference().believed(own, self.uptime.now())
    }

    /// Returns the machine's time, or what it is compared with where the machine is ahead of that: for times that bar callers
    /// until they have come. On SQLite that is the boot clock's, until a change has lasted for an hour.
    pub fn earliest(&self) -> DateTime<Utc> {
        let own = self.own();
        self.reference().earliest(own, self.uptime.now())
    }

    /// Returns the later of the machine's time and the database server's: no other replica's [`now`](Self::now) is later than
    /// that by more than its own clock may differ from the server's.
    pub fn latest(&self) -> DateTime<Utc> {
        let own = self.own();
        self.reference().latest(own, self.uptime.now())
    }

    /// Returns how far the machine's clock is ahead of what it is compared with; negative where it is behind.
    pub fn offset(&self) -> TimeDelta {
        let own = self.own();
        self.reference().offset(own, self.uptime.now())
    }

    /// Returns why nothing may be deleted by this clock now, if it may not: what is deleted too early is lost.
    ///
    /// # Errors
    /// [`Doubt`].
    pub fn check_trusted(&self, leeway: TimeDelta) -> Result<(), Doubt> {
        let own = self.own();
        self.reference().check(own, self.uptime.now(), leeway)
    }

    /// Returns true if stored times may be compared with this clock: a server's time must agree. Where there is none, a clock
    /// that was ahead and a clock that is behind look alike.
    pub fn may_repair(&self, leeway: TimeDelta) -> bool {
        let own = self.own();
        let (reference, uptime) = (self.reference(), self.uptime.now());
        reference.source() != Some(ReferenceSource::Server) || reference.offset(own, uptime).abs() <= leeway
    }

    /// Returns how often the machine's clock was found to be behind where it should be by the boot clock, by more than the
    /// tolerance: what was written before may have times that have not come.
    pub fn steps_back(&self) -> u64 {
        self.reference().steps_back()
    }

    /// Compares the machine's clock with what has been noted, and takes a change that has lasted for an hour for right where no
    /// server says otherwise.
    pub fn compare(&self) {
        let own = self.own();
        self.reference().compare(own, self.uptime.now());
    }

    /// Notes a database server's time, which was asked for and answered at these times of [`uptime`](Self::uptime).
    pub fn note_server(&self, time: DateTime<Utc>, asked: Duration, answered: Duration) {
        self.reference().note_server(time, asked, answered);
    }

    /// Notes what an earlier process has left in a file: its time, and the boot clock's at that moment.
    pub fn note_anchor(&self, anchor: Option<&Anchor>) {
        let (own, boot) = (self.own(), self.boot());
        self.reference().note_anchor(anchor, boot.as_deref(), own, self.uptime.now());
    }

    /// Returns what a later process is to know, once a minute; `None` in between, and while the clock disagrees with what it was
    /// before.
    pub fn due_anchor(&self) -> Option<Anchor> {
        let (time, uptime) = (self.own(), self.uptime.now());
        let is_due = self.reference().is_anchor_due(time, uptime);
        is_due.then(|| Anchor { boot: self.boot().unwrap_or_default(), uptime, time })
    }

    /// Returns true once a time has been noted that the clock can be compared with.
    pub fn is_compared(&self) -> bool {
        self.reference().is_known()
    }

    /// Returns true for a clock that stands until it is advanced: a server's clock says nothing of it.
    pub fn is_manual(&self) -> bool {
        matches!(self.source, TimeSource::Manual(_))
    }

    /// The machine's boot clock, which no change of the time of day moves.
    pub fn uptime(&self) -> Duration {
        self.uptime.now()
    }

    /// Moves a manual clock forward, and its boot clock with it; the machine's clock takes no orders.
    pub fn advance(&self, by: Duration) {
        if let TimeSource::Manual(micros) = &self.source {
            micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), SeqCst);
            self.uptime.advance(by);
        }
    }

    /// Sets the clock by this much, forward or back, while no time passes: for tests.
    pub fn jump(&self, by: TimeDelta) {
        let (TimeSource::System(micros) | TimeSource::Manual(micros)) = &self.source;
        micros.fetch_add(by.num_microseconds().unwrap_or_default(), SeqCst);
    }

    /// The machine's time alone.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn own(&self) -> DateTime<Utc> {
        match &self.source {
            TimeSource::System(off) => Utc::now().trunc_subsecs(6) + TimeDelta::microseconds(off.load(SeqCst)),
            TimeSource::Manual(micros) => DateTime::from_timestamp_micros(micros.load(SeqCst)).unwrap_or_default(),
        }
    }

    /// Which boot of which machine this is. A manual clock's is its own.
    fn boot(&self) -> Option<String> {
        match &self.source {
            TimeSource::System(_) => anchor::boot_id(),
            TimeSource::Manual(micros) => Some(format!("manual {:p}", Arc::as_ptr(micros))),
        }
    }

    /// Returns the name of what the clock is compared with, for messages.
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
    fn a_manual_clock_moves_when_told_and_its_clones_with_it() {
        let clock = Clock::manual(DateTime::from_timestamp(1_000, 0).unwrap());
        let same = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(same.now().timestamp_millis(), 1_001_500);
        assert_eq!(same.uptime(), Duration::from_millis(1500));
        same.jump(TimeDelta::seconds(-1));
        assert_eq!((clock.now().timestamp_millis(), clock.uptime()), (1_000_500, Duration::from_millis(1500)));
    }

    #[test]
    fn the_time_has_no_more_than_microseconds() {
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
        assert_eq!(clock.apart().offset(), TimeDelta::zero(), "another database says nothing of this one");
    }
}
