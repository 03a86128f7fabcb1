//! A connection taken from a pool. Other calls get the connection only after its work has ended completely.
//!
//! An abandoned call leaves its connection in the middle of a statement. Only an answer of the server ends that state,
//! and no call waits for that answer. Instead, the pool waits or closes the connection. The server then rolls the open
//! transaction back.

use std::time::Duration;

use kit::call;
use sqlx::PgConnection;
use tokio::time::Instant;

use super::Postgres;
use super::limit::limited;
use super::pool::{PendingWork, UsedConnection};
use crate::error::{ConnectionFate, connection_fate, is_timeout};

/// Time that a call needs to report its failed read before its deadline.
const REFUSAL_MARGIN: Duration = Duration::from_millis(10);

/// A connection for one piece of work. Dropping the lease before its work has [ended](Lease::end) leaves the connection
/// to the server.
#[derive(Debug)]
pub struct Lease {
    used: UsedConnection,
    writes: bool,
}

impl Lease {
    fn new(mut used: UsedConnection, writes: bool) -> Self {
        used.begin(PendingWork::Statement);
        Self { used, writes }
    }

    /// Returns the connection.
    pub fn connection(&mut self) -> &mut PgConnection {
        self.used.connection()
    }

    /// Marks the start of a transaction: if the call is abandoned, closing the connection rolls the transaction back.
    pub(super) fn begin_transaction(&mut self) {
        self.used.begin(PendingWork::Transaction);
    }

    /// Marks the start of the statement that ends a transaction. If the call is abandoned, the statement still ends by
    /// itself.
    pub(super) fn begin_commit(&mut self) {
        self.used.begin(PendingWork::Statement);
    }

    /// Ends the work with this result. Other calls then get the connection, unless it was lost or is in the middle of a
    /// statement.
    ///
    /// # Errors
    /// The error of the work.
    pub fn end<T>(self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let Self { used, writes } = self;
        match &result {
            Ok(_) => used.give_back(),
            // The connection is dropped in the middle of its work.
            Err(error) if is_timeout(error) => used.pool().mark_silent(),
            Err(error) => match connection_fate(error) {
                // The server has answered, and is ready for the next statement.
                ConnectionFate::Serves => used.give_back(),
                ConnectionFate::OnlyReads if !writes => used.give_back(),
                ConnectionFate::OnlyReads => {
                    // Other connections of this pool lead to the same server.
                    used.pool().mark_lost();
                    used.pool().slow_down();
                    used.discard();
                }
                ConnectionFate::Stale | ConnectionFate::Ended => {
                    used.pool().mark_lost();
                    used.discard();
                }
                // The server may not have noticed the loss yet.
                ConnectionFate::Lost => {
                    used.pool().mark_lost();
                    used.leave(false);
                }
                ConnectionFate::Unread => {}
            },
        }
        result
    }
}

impl Postgres {
    /// Takes a connection that reads.
    ///
    /// # Errors
    /// No connection was free in time.
    pub async fn lease_reader(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease::new(self.readers.acquire().await?, false))
    }

    pub(super) async fn lease_writer(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease::new(self.writers.acquire().await?, true))
    }

    /// Waits for a read's answer, up to its limit and the call's deadline.
    ///
    /// # Errors
    /// The read's error, or a timeout.
    pub async fn limit_read<T>(&self, read: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        let left =
            call::deadline().map(|end| end.saturating_duration_since(Instant::now()).saturating_sub(REFUSAL_MARGIN));
        let longest = self.times.read();
        limited(left.map_or(longest, |left| left.min(longest)), read).await
    }
}
