//! Attempts to open one connection. If they are slow, another attempt starts in parallel.

use std::time::Duration;

use sqlx::Error;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::dialer::{DialedConnection, Dialer};

/// Largest number of concurrent attempts.
const MAX_CONCURRENT_ATTEMPTS: usize = 4;

/// Running attempts. They continue between two waits for a connection, until the value is dropped.
pub(super) struct Dials {
    dialer: Dialer,
    running: JoinSet<Result<DialedConnection, Error>>,
    newest: Instant,
}

impl Dials {
    pub(super) fn new(dialer: Dialer) -> Self {
        Self { dialer, running: JoinSet::new(), newest: Instant::now() }
    }

    /// Starts an attempt, unless one is running.
    pub(super) fn begin(&mut self) {
        if self.running.is_empty() {
            self.begin_another();
        }
    }

    /// Returns a finished connection, if there is one. Does not wait.
    pub(super) fn ready(&mut self) -> Option<DialedConnection> {
        while let Some(ended) = self.running.try_join_next() {
            if let Ok(Ok(made)) = ended {
                self.running = JoinSet::new();
                return Some(made);
            }
        }
        None
    }

    /// Waits for a connection, up to the limit. The attempts continue afterwards, for the next wait.
    ///
    /// # Errors
    /// Each attempt has failed, or the limit has passed.
    pub(super) async fn next(&mut self, limit: Duration) -> Result<DialedConnection, Error> {
        let give_up = Instant::now() + limit;
        self.begin();
        loop {
            let slow = self.newest + self.dialer.times().slow();
            match timeout_at(slow.max(Instant::now()).min(give_up), self.running.join_next()).await {
                Ok(Some(Ok(Ok(made)))) => {
                    self.running = JoinSet::new();
                    return Ok(made);
                }
                Ok(Some(Ok(Err(error)))) if self.running.is_empty() => return Err(error),
                Ok(Some(_)) => {}
                Ok(None) => return Err(Error::WorkerCrashed),
                Err(_) if Instant::now() >= give_up => return Err(Error::Io(std::io::ErrorKind::TimedOut.into())),
                Err(_) if self.running.len() < MAX_CONCURRENT_ATTEMPTS => self.begin_another(),
                // The oldest attempt ends soon.
                Err(_) => self.newest = Instant::now(),
            }
        }
    }

    fn begin_another(&mut self) {
        let dialer = self.dialer.clone();
        self.running.spawn(async move { dialer.dial(|| ()).await });
        self.newest = Instant::now();
    }
}
