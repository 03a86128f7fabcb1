//! Opens connections: few at a time, at a limited pace. Each attempt runs to its end.
//!
//! An abandoned attempt wastes the server's work. So an attempt continues after its caller has gone. Another attempt
//! starts in parallel only if the first one is slow: its answer may have been lost.

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Error, PgConnection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::address::Address;
use super::identity::{Backend, ServerIdentity, identify, unfit};
use super::limit::limited;
use super::pace::Pace;
use super::session::SessionOptions;
use super::time_limits::TimeLimits;

/// Longest attempt to connect.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Largest number of concurrent attempts. Slow attempts do not count.
const MAX_CONCURRENT_DIALS: usize = 4;

/// Highest age of a connection to a standby. The address may lead to the primary by now, and only a new connection can
/// show that.
const MAX_STANDBY_AGE: Duration = Duration::from_secs(1);

/// Purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reads, also from a standby.
    Read,
    /// Reads that must be current. A standby may be behind, so only the primary serves them.
    Follow,
    /// Writes.
    Write,
}

/// A factory of connections for one purpose.
#[derive(Clone, Debug)]
pub(super) struct Dialer(Arc<DialerInner>);

#[derive(Debug)]
struct DialerInner {
    session: SessionOptions,
    times: TimeLimits,
    purpose: Purpose,
    address: Address,
    pace: Pace,
    turns: Semaphore,
}

/// A new connection.
pub(super) struct DialedConnection {
    pub(super) connection: PgConnection,
    pub(super) backend: Option<Backend>,
    /// Start of the attempt that opened the connection.
    pub(super) begun: Instant,
    origin: ServerIdentity,
}

impl Dialer {
    pub(super) fn new(session: SessionOptions, times: TimeLimits, purpose: Purpose, address: &Address) -> Self {
        let (pace, turns) = (Pace::new(), Semaphore::new(MAX_CONCURRENT_DIALS));
        Self(Arc::new(DialerInner { session, times, purpose, address: address.clone(), pace, turns }))
    }

    /// Returns a dialer for another purpose, with a pace of its own.
    pub(super) fn for_purpose(&self, purpose: Purpose) -> Self {
        Self::new(self.0.session.clone(), self.0.times, purpose, &self.0.address)
    }

    /// Waits for its turn and opens a connection. Calls `slow` when another attempt may start in parallel.
    ///
    /// # Errors
    /// The connection was refused, took too long, or leads to a server that does not serve the purpose.
    pub(super) async fn dial(&self, slow: impl FnOnce()) -> Result<DialedConnection, Error> {
        let turn = self.0.turns.acquire().await.map_err(|_| Error::PoolClosed)?;
        self.0.pace.turn().await;
        let mut dialing = Box::pin(limited(DIAL_TIMEOUT, self.dial_now()));
        let dialed = match timeout(self.0.times.slow(), &mut dialing).await {
            Ok(dialed) => {
                if dialed.is_ok() {
                    self.0.pace.succeeded();
                }
                dialed
            }
            Err(_slow) => {
                self.0.pace.failed();
                drop(turn);
                slow();
                dialing.await
            }
        };
        match &dialed {
            Ok(_) => {}
            Err(error) if costs_nothing(error) => self.0.pace.failed_lightly(),
            Err(_) => self.0.pace.failed(),
        }
        dialed
    }

    async fn dial_now(&self) -> Result<DialedConnection, Error> {
        let begun = Instant::now();
        let mut connection = self.0.session.connect().await?;
        let (origin, backend) = identify(&mut connection).await?;
        if self.0.purpose == Purpose::Write && origin.reads_only {
            return Err(unfit("the address of the database leads to a server that only reads, such as a standby"));
        }
        if self.0.purpose == Purpose::Follow && origin.in_recovery {
            return Err(unfit("the address of the database leads to a standby, which may be behind its primary"));
        }
        self.0.address.learn(&origin)?;
        Ok(DialedConnection { connection, backend, begun, origin })
    }

    /// Returns the time limits for the server's distance.
    pub(super) fn times(&self) -> TimeLimits {
        self.0.times
    }

    /// Returns true if a connection leads to another server than new connections do. Also returns true for an old
    /// connection to a standby, because the address may have moved.
    pub(super) fn has_left(&self, made: &DialedConnection) -> bool {
        self.0.address.has_left(&made.origin) || made.origin.in_recovery && made.begun.elapsed() > MAX_STANDBY_AGE
    }

    /// Slows further connections down, after a new connection was useless.
    pub(super) fn slow_down(&self) {
        self.0.pace.failed();
    }
}

impl fmt::Debug for DialedConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DialedConnection").field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// Returns true if this failure cost the server no handshake.
fn costs_nothing(error: &Error) -> bool {
    match error {
        Error::Io(cause) => matches!(
            cause.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::NotFound
                | ErrorKind::UnexpectedEof
        ),
        // The server is starting.
        Error::Database(cause) => cause.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

/// Returns true if a later attempt may succeed: the server starts, is full, or the answer to this attempt was lost.
pub(super) fn may_pass(error: &Error) -> bool {
    match error {
        Error::Io(cause) => matches!(cause.kind(), ErrorKind::ConnectionRefused | ErrorKind::TimedOut),
        Error::Database(cause) => cause.is_transient_in_connect_phase(),
        _ => false,
    }
}
