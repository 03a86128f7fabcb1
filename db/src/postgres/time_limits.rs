//! Time limits of calls. They grow with the round-trip time to the server, which is measured at the start.

use std::time::Duration;

use crate::options::SessionSetting;

/// Longest round trip at which calls still meet their deadlines.
pub(super) const MAX_ROUND_TRIP: Duration = Duration::from_millis(100);

/// Round trip below which the distance counts as zero: the limits have room for it.
const MIN_ROUND_TRIP: Duration = Duration::from_millis(10);

/// Round trips of a new connection. TCP and the request of TLS take one each, TLS takes two, and the password three.
/// The session's settings and the server's identity take one each.
const CONNECT_ROUND_TRIPS: u32 = 9;

/// Round trips of a transaction's work: five statements, and as many to prepare them.
const WORK_ROUND_TRIPS: u32 = 10;

/// Round trips of one statement and its preparation.
const STATEMENT_ROUND_TRIPS: u32 = 2;

/// Longest wait for a connection that writes. The wait is below the deadline of every RPC that writes, and long enough
/// for a new connection at any distance.
pub(super) const ACQUIRE_WRITER_TIMEOUT: Duration = Duration::from_millis(1500);

/// Time limits for one distance. At distance zero they match the tables in `docs/operations/postgresql.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TimeLimits {
    round_trip: Duration,
}

impl TimeLimits {
    /// Returns the limits for this round trip.
    pub(super) fn at_distance(round_trip: Duration) -> Self {
        let round_trip = if round_trip < MIN_ROUND_TRIP { Duration::ZERO } else { round_trip.min(MAX_ROUND_TRIP) };
        Self { round_trip }
    }

    /// Returns the time limit of an attempt to connect. It leaves time for a second attempt if an answer is lost.
    pub(super) fn connect(self) -> Duration {
        self.with_round_trips(500, CONNECT_ROUND_TRIPS)
    }

    /// Returns the time after which another attempt to connect may start in parallel.
    pub(super) fn slow(self) -> Duration {
        self.with_round_trips(300, CONNECT_ROUND_TRIPS)
    }

    /// Returns the time limit of a connection's test.
    pub(super) fn ping(self) -> Duration {
        self.with_round_trips(300, 1)
    }

    /// Returns the longest wait for a connection that reads: below the deadline of every RPC that reads.
    pub(super) fn acquire_reader(self) -> Duration {
        self.with_round_trips(400, CONNECT_ROUND_TRIPS)
    }

    /// Returns the time limit of a read, including the round trip. The server's own limit usually ends it earlier.
    pub(super) fn read(self) -> Duration {
        self.with_round_trips(450, STATEMENT_ROUND_TRIPS)
    }

    /// Returns the time limit of a statement that writes, of a commit or of a rollback, including the round trip.
    pub(super) fn write(self) -> Duration {
        self.with_round_trips(900, STATEMENT_ROUND_TRIPS)
    }

    /// Returns the time limit of a transaction from its start until its commit or rollback.
    pub(super) fn work(self) -> Duration {
        self.with_round_trips(900, WORK_ROUND_TRIPS)
    }

    /// Returns the time limit of a watcher's poll, including the round trip.
    pub(super) fn poll(self) -> Duration {
        self.with_round_trips(400, STATEMENT_ROUND_TRIPS)
    }

    /// Returns the server's own limits for a connection that reads.
    pub(super) fn reader_settings(self) -> Vec<SessionSetting> {
        let mut settings = self.session_settings("400ms", "300ms");
        settings.push(SessionSetting::new("default_transaction_read_only", "on"));
        settings
    }

    /// Returns the server's own limits for a connection that writes.
    pub(super) fn writer_settings(self) -> Vec<SessionSetting> {
        self.session_settings("800ms", "700ms")
    }

    /// Returns the limits that the server itself enforces. A statement ends before its RPC's deadline, and a wait for a
    /// lock ends earlier.
    ///
    /// The limit of idle transactions ends abandoned transactions. Between two statements, a live transaction is idle
    /// for one round trip. If the client does not read a result, the server closes the connection.
    fn session_settings(self, statement: &'static str, lock: &'static str) -> Vec<SessionSetting> {
        let idle = format!("{}ms", self.with_round_trips(500, STATEMENT_ROUND_TRIPS).as_millis());
        vec![
            SessionSetting::new("statement_timeout", statement),
            SessionSetting::new("lock_timeout", lock),
            SessionSetting { name: "idle_in_transaction_session_timeout".into(), value: idle.into() },
            SessionSetting::new("tcp_user_timeout", "2s"),
        ]
    }

    fn with_round_trips(self, millis: u64, round_trips: u32) -> Duration {
        Duration::from_millis(millis) + self.round_trip * round_trips
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deadline of every RPC that writes.
    const DEADLINE: Duration = Duration::from_secs(5);

    #[test]
    fn limits_grow_with_distance_up_to_the_maximum() {
        let (near, far) = (TimeLimits::at_distance(Duration::from_millis(9)), TimeLimits::at_distance(MAX_ROUND_TRIP));
        assert_eq!(near, TimeLimits::default());
        assert_eq!(near.connect(), Duration::from_millis(500));
        assert_eq!(far.connect(), Duration::from_millis(1400));
        assert_eq!(
            far,
            TimeLimits::at_distance(Duration::from_secs(1)),
            "greater distances have the limits of the maximum"
        );
    }

    #[test]
    fn write_at_maximum_distance_meets_its_deadline() {
        let far = TimeLimits::at_distance(MAX_ROUND_TRIP);
        assert!(far.connect() < ACQUIRE_WRITER_TIMEOUT, "a connection can be made within the wait for one");
        assert!(ACQUIRE_WRITER_TIMEOUT + far.work() + far.write() < DEADLINE);
    }
}
