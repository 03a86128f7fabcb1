//! Faults of a server and of the connection to it.

use std::time::Duration;

use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;
use tokio::time::{Instant, sleep, timeout};

use crate::Failure;
use crate::drill::Outage;

/// A way in which a database goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PostgresFault {
    /// An operator's restart.
    Restart,
    /// `kill -9` of every process.
    Kill,
    /// All processes of the server are paused.
    Pause,
    /// All connections are closed, and each new connection is closed at once.
    Cut,
    /// No byte is forwarded.
    BlackHole,
    /// Answers are lost.
    HalfOpen,
    /// The answer of one commit is lost.
    LostCommit,
}

impl PostgresFault {
    /// All faults.
    pub const ALL: [Self; 7] =
        [Self::Restart, Self::Kill, Self::Pause, Self::Cut, Self::BlackHole, Self::HalfOpen, Self::LostCommit];

    /// Starts the fault, waits, and ends it.
    ///
    /// # Errors
    /// Fails if the server does not react, or if there is no commit with an answer to lose.
    pub async fn strike(self, server: &PostgresServer, proxy: &Proxy, length: Duration) -> Result<Outage, Failure> {
        /// Longer than the time between two commits.
        const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
        let at = Instant::now();
        match self {
            Self::Restart => server.stop_fast().await?,
            Self::Kill => server.kill().await?,
            Self::Pause => server.pause().await?,
            Self::Cut => proxy.cut(),
            Self::BlackHole => proxy.black_hole(),
            Self::HalfOpen => proxy.half_open(),
            Self::LostCommit => {
                proxy.cut_on_answer_of(b"commit");
                timeout(COMMIT_TIMEOUT, proxy.fired()).await.map_err(|_| "nothing was committed for ten seconds")?;
            }
        }
        if self != Self::LostCommit {
            sleep(length).await;
        }
        match self {
            Self::Restart | Self::Kill => server.start_again().await?,
            Self::Pause => server.resume().await?,
            Self::Cut | Self::BlackHole | Self::HalfOpen | Self::LostCommit => proxy.pass(),
        }
        Ok(Outage { fault: format!("{self:?}"), at, back: Instant::now() })
    }
}
