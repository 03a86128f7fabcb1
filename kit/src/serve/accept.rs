//! Accept loop with a limit on connections. The loop pauses while no file descriptor is left.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::counters::ServerMetrics;
use super::operators::Operators;
use super::seats::{PeerKind, SeatPermit, Seats};
use super::spare::Spare;
use crate::shutdown::Shutdown;

/// Pause after a failed accept, whose usual cause is that no descriptor is left.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Connections that are accepted with the spare descriptor before each pause.
const MAX_WITHOUT_DESCRIPTORS: usize = 32;

/// Shortest time between two log lines about a full server.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Listener with the limits of its connections.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) seats: Seats,
    pub(super) operators: Operators,
    /// Idle time before the kernel sends the first keepalive probe.
    pub(super) keepalive: Duration,
    /// Time for which a new connection waits for a seat.
    pub(super) seat_timeout: Duration,
    pub(super) metrics: ServerMetrics,
    /// Cancelled when the server stops.
    pub(super) stop: Shutdown,
}

impl Door {
    /// Serves each new connection until the server stops. The tasks of the connections are in `connections`.
    pub(super) async fn accept<F>(
        &self,
        connections: &mut JoinSet<()>,
        serve: impl Fn(TcpStream, SocketAddr, SeatPermit) -> F + Clone + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (mut log, mut spare) = (AcceptLog::default(), Spare::open());
        let accepting = async {
            loop {
                match self.listener.accept().await {
                    Ok((stream, peer)) => {
                        log.accepted();
                        spare.refill();
                        self.admit(stream, peer, &mut log, connections, &serve).await;
                    }
                    Err(error) if is_about_one_connection(&error) => {}
                    Err(error) => {
                        log.failed(&error);
                        self.metrics.counters().connections.failed_accept();
                        // The kernel reports the lack of descriptors even if no connection waits. An open connection is
                        // closed only if another one waits, or if the spare descriptor cannot be opened again.
                        let mut has_made_room = false;
                        for _ in 0..MAX_WITHOUT_DESCRIPTORS {
                            let Some((stream, peer)) = spare.accept(&self.listener) else { break };
                            if !has_made_room {
                                has_made_room = true;
                                self.seats.make_room(PeerKind::Operator);
                            }
                            // Other connections are closed, so that their callers can try another replica at once.
                            if self.operators.kind(peer.ip()) == PeerKind::Operator {
                                self.admit(stream, peer, &mut log, connections, &serve).await;
                            }
                        }
                        if !spare.refill() && !has_made_room {
                            self.seats.make_room(PeerKind::Operator);
                        }
                        sleep(RETRY_INTERVAL).await;
                    }
                }
            }
        };
        let _: Option<()> = self.stop.run_until_cancelled(accepting).await;
    }

    /// Gives a connection a seat or a place in the queue. Closes it if the queue is full and no open connection may be
    /// closed for it.
    async fn admit<F>(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        log: &mut AcceptLog,
        connections: &mut JoinSet<()>,
        serve: &(impl Fn(TcpStream, SocketAddr, SeatPermit) -> F + Clone + Send + 'static),
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        while connections.try_join_next().is_some() {}
        if prepare(&stream, self.keepalive).is_err() {
            return;
        }
        let kind = self.operators.kind(peer.ip());
        if let Some(taken) = self.seats.try_take(kind) {
            connections.spawn(serve(stream, peer, taken));
            return;
        }
        log.full();
        let Some(place) = self.seats.enter_queue(kind).await else { return };
        let (serve, seat_timeout, stop) = (serve.clone(), self.seat_timeout, self.stop.clone());
        connections.spawn(async move {
            if let Some(Ok(taken)) = stop.run_until_cancelled(timeout(seat_timeout, place.take())).await {
                serve(stream, peer, taken).await;
            }
        });
    }
}

/// Sets the socket's options. Fails if the peer has gone.
fn prepare(stream: &TcpStream, keepalive: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    set_socket_keepalive(stream, true)?;
    Ok(set_tcp_keepidle(stream, keepalive)?)
}

/// Returns true if the error concerns only one connection, which its peer has ended.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// State of the log lines: one line for each outage.
#[derive(Default)]
struct AcceptLog {
    is_failing: bool,
    full: Option<Instant>,
}

impl AcceptLog {
    fn failed(&mut self, error: &io::Error) {
        if !self.is_failing {
            self.is_failing = true;
            tracing::warn!(%error, "connections cannot be accepted: raise the limit of open files (ulimit -n)");
        }
    }

    fn accepted(&mut self) {
        if self.is_failing {
            self.is_failing = false;
            tracing::info!("connections are accepted again");
        }
    }

    fn full(&mut self) {
        let now = Instant::now();
        if self.full.is_none_or(|last| now.duration_since(last) >= LOG_INTERVAL) {
            self.full = Some(now);
            tracing::warn!("all connections are taken: each new one closes the longest silent or idle one");
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::sockopt::{socket_keepalive, tcp_keepidle};

    use super::*;

    /// F5: the kernel finds peers that have vanished, and small frames are sent at once.
    #[tokio::test]
    async fn socket_has_no_delay_and_a_keepalive() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (_client, (stream, _)) = (client.unwrap(), accepted.unwrap());
        prepare(&stream, Duration::from_secs(77)).unwrap();
        assert!(stream.nodelay().unwrap() && socket_keepalive(&stream).unwrap());
        assert_eq!(tcp_keepidle(&stream).unwrap(), Duration::from_secs(77));
    }
}
