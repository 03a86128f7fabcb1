//! Accept loop with a limit of connections. A lack of descriptors pauses the loop.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::counters::ServerMetrics;
use super::seats::{SeatPermit, Seats};
use crate::shutdown::Shutdown;

/// Pause after a failed accept: most often no descriptor is left.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Shortest time between two log lines about a full server.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Serves each new connection until `stop`. The tasks of the connections are in `connections`.
pub(super) async fn accept<F>(
    listener: TcpListener,
    seats: &Seats,
    keepalive: Duration,
    stop: &Shutdown,
    connections: &mut JoinSet<()>,
    metrics: &ServerMetrics,
    serve: impl Fn(TcpStream, SocketAddr, SeatPermit) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut log = AcceptLog::default();
    let accepting = async {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    log.accepted();
                    if seats.are_full() {
                        log.full();
                    }
                    let taken = seats.take().await;
                    while connections.try_join_next().is_some() {}
                    if prepare(&stream, keepalive).is_ok() {
                        connections.spawn(serve(stream, peer, taken));
                    }
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    log.failed(&error);
                    metrics.counters().connections.failed_accept();
                    seats.make_room();
                    sleep(RETRY_INTERVAL).await;
                }
            }
        }
    };
    let _: Option<()> = stop.run_until_cancelled(accepting).await;
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
