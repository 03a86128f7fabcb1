//! Counters of connections, and the reasons for their ends.

use std::fmt;

use crate::metrics::{EventCounter, FamilyKind, LevelGauge, LevelPermit, MetricsPage};

/// Reason for the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionEnd {
    /// The peer has closed the connection, or the connection has failed.
    Peer,
    /// No valid handshake came in time.
    Handshake,
    /// The peer has broken the protocol or one of its limits.
    Protocol,
    /// No stream was open for too long.
    Idle,
    /// The connection was old.
    Age,
    /// The peer did not answer a ping.
    Unresponsive,
    /// The peer did not read its answers.
    Unread,
    /// Another connection needed the seat.
    Evicted,
    /// The service has stopped.
    Stop,
}

impl ConnectionEnd {
    const ALL: [Self; 9] = [
        Self::Peer,
        Self::Handshake,
        Self::Protocol,
        Self::Idle,
        Self::Age,
        Self::Unresponsive,
        Self::Unread,
        Self::Evicted,
        Self::Stop,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Handshake => "handshake",
            Self::Protocol => "protocol",
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Unresponsive => "unresponsive",
            Self::Unread => "unread",
            Self::Evicted => "evicted",
            Self::Stop => "stop",
        }
    }
}

/// Counters of a server's connections.
#[derive(Debug, Default)]
pub(super) struct ConnectionCounters {
    open: LevelGauge,
    ended: [EventCounter; ConnectionEnd::ALL.len()],
    /// Connections that the system could not give to the process.
    failed_accepts: EventCounter,
}

/// Connection that is counted when it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionRecord<'c> {
    counters: &'c ConnectionCounters,
    _open: LevelPermit<'c>,
    end: ConnectionEnd,
}

impl ConnectionCounters {
    /// Counts a connection that was accepted.
    pub(super) fn open(&self) -> ConnectionRecord<'_> {
        ConnectionRecord { counters: self, _open: self.open.enter(), end: ConnectionEnd::Peer }
    }

    /// Counts a failed accept.
    pub(super) fn failed_accept(&self) {
        self.failed_accepts.one();
    }

    /// Writes the metrics of connections.
    pub(super) fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        page.gauge("gatepost_connections_open", "Open connections", self.open.get())?;
        let help = "Connections that have ended, by the reason";
        let mut ended = page.family(FamilyKind::Counter, "gatepost_connections_ended", help)?;
        for (end, count) in ConnectionEnd::ALL.into_iter().zip(&self.ended) {
            ended.number(&[("reason", end.name())], count.get())?;
        }
        let help = "Failed accepts, mostly for lack of file descriptors";
        page.counter("gatepost_accepts_failed", help, self.failed_accepts.get())
    }
}

impl ConnectionRecord<'_> {
    /// Ends the connection for this reason.
    pub(super) fn end(mut self, end: ConnectionEnd) {
        self.end = end;
    }
}

impl Drop for ConnectionRecord<'_> {
    fn drop(&mut self) {
        self.counters.ended[self.end as usize].one();
    }
}
