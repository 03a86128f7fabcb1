//! A connection out of a pool, which goes back only when its work has ended in order.
//!
//! A call that is given up, by its caller or by a limit of time, leaves a connection in the middle of something. To clear
//! that up takes an answer of the server, for which nobody may wait: such a connection is cut, and the server undoes what
//! it has not committed.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::timeout;

use super::Postgres;
use super::pool::Used;
use super::suspicion::Suspicion;
use crate::db::error::is_broken;

/// A connection for one piece of work; cut when it is dropped before its work has [ended](Lease::ended).
#[derive(Debug)]
pub struct Lease {
    used: Used,
    suspicion: Suspicion,
}

impl Lease {
    /// The connection.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.used.connection
    }

    /// The work has ended so: others may have the connection, unless it was lost or left in the middle of something.
    ///
    /// # Errors
    /// What the work has failed with.
    pub fn ended<T>(self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        match &result {
            Err(error) if is_broken(error) => self.suspicion.raise(),
            // The server has answered, and is ready for what comes next.
            Ok(_) | Err(sqlx::Error::Database(_)) => self.used.give_back(),
            Err(_) => {}
        }
        result
    }
}

impl Postgres {
    /// A connection that reads.
    ///
    /// # Errors
    /// When none is to be had in time.
    pub async fn lease_reader(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease { used: self.readers.acquire().await?, suspicion: self.suspicion.clone() })
    }

    pub(super) async fn lease_writer(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease { used: self.writers.acquire().await?, suspicion: self.suspicion.clone() })
    }

    /// Waits for a read's answer, within the time for one.
    ///
    /// # Errors
    /// What the read fails with, or that it took too long.
    pub async fn limit_read<T>(&self, read: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        limited(self.times.read(), read).await
    }
}

/// The future's answer, or that the server's did not come in time.
pub(super) async fn limited<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}
