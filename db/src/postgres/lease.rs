//! A connection out of a pool, which others get only when its work has ended in order.
//!
//! A call that is given up, by its caller or by a limit of time, leaves a connection in the middle of something. To clear
//! that up takes an answer of the server, for which no call waits: the pool does, or it cuts the connection, and the server
//! undoes what it has not committed.

use std::time::Duration;

use kit::call;
use sqlx::PgConnection;
use tokio::time::Instant;

use super::Postgres;
use super::limit::limited;
use super::pool::{Used, Work};
use crate::error::{Fate, fate, is_timeout};

/// The time that a call needs to say that its read has failed, before its deadline.
const REFUSAL: Duration = Duration::from_millis(10);

/// A connection for one piece of work. Dropped before its work has [ended](Lease::ended), it is left to the server.
#[derive(Debug)]
pub struct Lease {
    used: Used,
    writes: bool,
}

impl Lease {
    fn new(mut used: Used, writes: bool) -> Self {
        used.begin(Work::Statement);
        Self { used, writes }
    }

    /// The connection.
    pub fn connection(&mut self) -> &mut PgConnection {
        self.used.connection()
    }

    /// Begins a transaction: given up, it is undone by cutting the connection.
    pub(super) fn begins(&mut self) {
        self.used.begin(Work::Transaction);
    }

    /// Ends a transaction by one statement: given up, it ends by itself.
    pub(super) fn commits(&mut self) {
        self.used.begin(Work::Statement);
    }

    /// The work has ended so: others may have the connection, unless it was lost or left in the middle of something.
    ///
    /// # Errors
    /// The error of the work.
    pub fn ended<T>(self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let Self { used, writes } = self;
        match &result {
            Ok(_) => used.give_back(),
            // Dropped in the middle of its work.
            Err(error) if is_timeout(error) => used.pool().doubt(),
            Err(error) => match fate(error) {
                // The server has answered, and is ready for what comes next.
                Fate::Serves => used.give_back(),
                Fate::OnlyReads if !writes => used.give_back(),
                Fate::OnlyReads => {
                    // Others of its kind lead to the same server.
                    used.pool().lose();
                    used.pool().slow_down();
                    used.discard();
                }
                Fate::Stale | Fate::Ended => {
                    used.pool().lose();
                    used.discard();
                }
                // The server may not know yet.
                Fate::Lost => {
                    used.pool().lose();
                    used.leave(false);
                }
                Fate::Unread => {}
            },
        }
        result
    }
}

impl Postgres {
    /// A connection that reads.
    ///
    /// # Errors
    /// No connection is to be had in time.
    pub async fn lease_reader(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease::new(self.readers.acquire().await?, false))
    }

    pub(super) async fn lease_writer(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease::new(self.writers.acquire().await?, true))
    }

    /// Waits for a read's answer, within the time for one, and for as long as the call can use it.
    ///
    /// # Errors
    /// The read's error, or a timeout.
    pub async fn limit_read<T>(&self, read: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        let left = call::deadline().map(|end| end.saturating_duration_since(Instant::now()).saturating_sub(REFUSAL));
        let longest = self.times.read();
        limited(left.map_or(longest, |left| left.min(longest)), read).await
    }
}
