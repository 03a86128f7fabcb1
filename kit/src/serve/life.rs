//! Timers of a connection: keepalive, idle time, age and end.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use h2::server::Connection;
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::ServerLimits;
use super::authority::PeerActivity;
use super::connection_end::ConnectionEnd;
use super::memory::MemoryAccount;
use super::piece::Piece;
use super::seats::Seat;

/// Time for a peer without an open stream to read a GOAWAY.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// Pause between two checks for unread answers of an ending connection.
const DRAIN_INTERVAL: Duration = Duration::from_millis(250);

/// Time for which an old connection waits for a request before its GOAWAY.
const OLD_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Time for which a connection of a stopping server waits for a request before its GOAWAY.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_millis(100);

/// Timers of a connection.
pub(super) struct Life {
    first_request: Instant,
    idle: Duration,
    age: Instant,
    /// Set once the connection is old. Its GOAWAY is sent at the next request, or after [`OLD_REQUEST_TIMEOUT`].
    is_old: bool,
    grace: Duration,
    /// Time from the GOAWAY of an old connection to its cut; `None` if the server stops: the stop has its own limit.
    old_cut: Option<Duration>,
    keepalive: (Duration, Duration),
    activity: Arc<PeerActivity>,
    /// Time for which answers may wait while the peer takes no bytes.
    unread: Duration,
    /// Start of the time in which answers wait and the peer takes no bytes; `None` if none wait.
    stuck: Option<Instant>,
    ping_pong: Option<PingPong>,
    /// Time of the next check of the peer's activity.
    ping: Instant,
    /// Time by which the peer must have answered a ping.
    pong: Option<Instant>,
    is_ending: bool,
    cut: Option<Instant>,
    /// Set if the cut applies only to a connection without a call.
    is_quiet_cut: bool,
    /// First reason of the server to end the connection; `Peer` until there is one.
    end: ConnectionEnd,
}

impl Life {
    pub(super) fn new(
        limits: &ServerLimits,
        accepted: Instant,
        activity: Arc<PeerActivity>,
        ping_pong: Option<PingPong>,
    ) -> Self {
        let (age, grace) = limits.connection_age;
        Self {
            first_request: accepted + limits.first_request,
            idle: limits.idle,
            age: accepted + jittered(age),
            is_old: false,
            grace,
            old_cut: Some(grace),
            keepalive: limits.keepalive,
            activity,
            // A single stream with an unread answer is reset earlier.
            unread: limits.reading.0 * 2,
            stuck: None,
            ping_pong,
            ping: accepted + limits.keepalive.0,
            pong: None,
            is_ending: false,
            cut: None,
            is_quiet_cut: true,
            end: ConnectionEnd::Peer,
        }
    }

    /// Returns the time of the next tick.
    pub(super) fn next(&self, seat: &Seat) -> Instant {
        let quiet = (!self.is_ending).then(|| self.quiet_until(seat)).flatten();
        let age = (!self.is_ending).then_some(self.age);
        [quiet, age, self.pong, self.cut].into_iter().flatten().fold(self.ping, Instant::min)
    }

    /// Returns the time until which the connection may have no open stream; `None` while it has one.
    fn quiet_until(&self, seat: &Seat) -> Option<Instant> {
        let idle_since = seat.idle_since()?;
        Some(if seat.has_called() { idle_since + self.idle } else { self.first_request })
    }

    /// Handles due timers. Returns true if the connection must be cut.
    pub(super) fn tick<I: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        connection: &mut Connection<I, Piece>,
        seat: &Seat,
        answers: &MemoryAccount,
    ) -> bool {
        let now = Instant::now();
        let is_due = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        if is_due(self.cut) {
            if !self.is_quiet_cut || seat.idle_since().is_some() || seat.is_offender() {
                return true;
            }
            // A call that the client sent before it got the GOAWAY may still finish.
            (self.cut, self.is_quiet_cut) = (Some(now + self.grace), false);
        }
        if self.is_stuck(answers, now) {
            self.ends_by(ConnectionEnd::Unread);
            return true;
        }
        if is_due(self.pong) {
            if !self.activity.has_spoken.swap(false, Relaxed) {
                self.ends_by(ConnectionEnd::Unresponsive);
                return true;
            }
            self.pong = None;
        }
        if self.ping <= now {
            self.ping = now + self.keepalive.0;
            let is_silent = !self.activity.has_spoken.swap(false, Relaxed);
            if is_silent && let Some(ping_pong) = &mut self.ping_pong {
                // If an earlier ping is still unanswered, its answer counts for this one.
                let _ = ping_pong.send_ping(Ping::opaque());
                self.pong = Some(now + self.keepalive.1);
            }
        }
        if !self.is_ending && is_due(self.quiet_until(seat)) {
            self.ends_by(ConnectionEnd::Idle);
            self.say_goodbye(connection, Some(GOODBYE_TIMEOUT));
        }
        if !self.is_ending && self.age <= now {
            if self.is_old {
                self.end_old(connection);
            }
            self.ends_by(ConnectionEnd::Age);
            (self.is_old, self.age) = (true, now + OLD_REQUEST_TIMEOUT);
        }
        false
    }

    /// Returns true if answers have waited for too long while the peer took no bytes.
    fn is_stuck(&mut self, answers: &MemoryAccount, now: Instant) -> bool {
        if self.activity.has_taken.swap(false, Relaxed) || answers.held() == 0 {
            self.stuck = None;
            return false;
        }
        now.duration_since(*self.stuck.get_or_insert(now)) >= self.unread
    }

    /// Sends the GOAWAY of an old connection when a request arrives.
    ///
    /// If a GOAWAY arrives between two calls, the client may be about to start the next call, which then fails. A
    /// client that waits for an answer reads the GOAWAY first.
    pub(super) fn accepted<I: AsyncRead + AsyncWrite + Unpin>(&mut self, connection: &mut Connection<I, Piece>) {
        if self.is_old && !self.is_ending {
            self.end_old(connection);
        }
    }

    /// Records a reason to end the connection, unless one is already recorded.
    pub(super) fn ends_by(&mut self, end: ConnectionEnd) {
        if self.end == ConnectionEnd::Peer {
            self.end = end;
        }
    }

    /// Returns the reason for the connection's end.
    pub(super) fn end(&self) -> ConnectionEnd {
        self.end
    }

    /// Makes the connection old, because the server stops.
    pub(super) fn retire(&mut self) {
        (self.is_old, self.old_cut) = (true, None);
        self.age = self.age.min(Instant::now() + LAST_REQUEST_TIMEOUT);
    }

    fn end_old<I: AsyncRead + AsyncWrite + Unpin>(&mut self, connection: &mut Connection<I, Piece>) {
        self.say_goodbye(connection, self.old_cut);
        self.is_quiet_cut &= self.old_cut.is_none();
    }

    /// Sends a GOAWAY, so that the client opens no more streams, and cuts the connection after this time.
    pub(super) fn say_goodbye<I: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        connection: &mut Connection<I, Piece>,
        time: Option<Duration>,
    ) {
        if !self.is_ending {
            self.is_ending = true;
            connection.graceful_shutdown();
        }
        if let Some(time) = time {
            self.cut_in(time);
        }
    }

    /// Ends a connection, because others need its seat.
    pub(super) fn evict<I: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        connection: &mut Connection<I, Piece>,
        seat: &Seat,
    ) {
        // Streams that are open now started long ago, and are cut too.
        self.is_quiet_cut = seat.idle_since().is_some();
        self.say_goodbye(connection, Some(GOODBYE_TIMEOUT));
    }

    /// Cuts a connection of a stopping server, after its GOAWAY, once it has no open stream and no unread answer.
    pub(super) fn drain(&mut self, seat: &Seat, answers: &MemoryAccount) {
        if !self.is_ending || seat.idle_since().is_none() {
            return;
        }
        if answers.held() == 0 {
            self.cut_in(GOODBYE_TIMEOUT);
        } else {
            self.ping = self.ping.min(Instant::now() + DRAIN_INTERVAL);
        }
    }

    fn cut_in(&mut self, time: Duration) {
        let cut = Instant::now() + time;
        self.cut = Some(self.cut.map_or(cut, |earlier| earlier.min(cut)));
    }

    /// Returns true while a ping has no answer.
    pub(super) fn is_pinged(&self) -> bool {
        self.pong.is_some()
    }

    /// Waits for the answer to a ping.
    pub(super) async fn pong(&mut self) {
        if let Some(ping_pong) = &mut self.ping_pong
            && poll_fn(|cx| ping_pong.poll_pong(cx)).await.is_ok()
        {
            return;
        }
        // The connection has failed. The loop that accepts its streams handles the error.
        std::future::pending::<()>().await;
    }

    /// Records the answer to a ping.
    pub(super) fn ponged(&mut self) {
        self.pong = None;
    }
}

/// Varies a time by up to a tenth, so that connections that start together do not end together.
fn jittered(time: Duration) -> Duration {
    let [high, low] = crate::random::bytes::<2>();
    let share = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
    time.mul_f64(0.9 + 0.2 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_at_most_a_tenth() {
        let minute = Duration::from_mins(1);
        let times: Vec<_> = (0..1000).map(|_| jittered(minute)).collect();
        assert!(times.iter().all(|time| (54..=66).contains(&time.as_secs())));
        assert!(times.iter().min() < Some(&minute) && times.iter().max() > Some(&minute));
    }
}
