//! A dedicated connection for polls of the database, which must not wait behind other calls.

use std::fmt;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Error, SqliteConnection};
use tokio::time::timeout;

use super::PrimaryConnection;
use super::error::is_answer;

/// Longest attempt to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Longest poll, the round trip included.
const POLL_TIMEOUT: Duration = Duration::from_millis(400);

/// A dedicated connection on either engine, which only reads; [`watch!`](crate::watch) polls through it.
#[derive(Debug)]
pub enum Watcher {
    /// A connection to a file.
    Sqlite(OwnConnection<SqliteConnection>),
    /// A connection to a server.
    Postgres(PrimaryConnection),
}

/// A connection that is opened on its first use, and again after a fault.
pub struct OwnConnection<C: Connection> {
    options: C::Options,
    connection: Option<Box<C>>,
}

impl Watcher {
    /// Closes the connection.
    pub async fn close(self) {
        match self {
            Self::Sqlite(own) => own.close().await,
            Self::Postgres(own) => own.close().await,
        }
    }
}

impl<C: Connection> OwnConnection<C> {
    pub(super) fn new(options: C::Options) -> Self {
        Self { options, connection: None }
    }

    /// Takes the connection until it is [put back](Self::put_back). A connection that is dropped before that is closed.
    ///
    /// # Errors
    /// The connection cannot be opened.
    pub async fn take(&mut self) -> Result<Box<C>, Error>
    where
        C::Options: ConnectOptions<Connection = C>,
    {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => limited(CONNECT_TIMEOUT, self.options.connect()).await.map(Box::new),
        }
    }

    /// Waits for the answer to a poll, up to the limit.
    ///
    /// # Errors
    /// The error of the poll, or a timeout.
    pub async fn limit<T>(&self, poll: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        limited(POLL_TIMEOUT, poll).await
    }

    /// Puts the connection back after a poll with this result, for the next poll, unless it is lost.
    ///
    /// # Errors
    /// The error of the poll.
    pub fn put_back<T>(&mut self, connection: Box<C>, polled: Result<T, Error>) -> Result<T, Error> {
        if polled.as_ref().err().is_none_or(is_answer) {
            self.connection = Some(connection);
        }
        polled
    }

    async fn close(self) {
        if let Some(connection) = self.connection {
            // The connection is discarded, so its error does not matter.
            let _ = limited(CONNECT_TIMEOUT, connection.close()).await;
        }
    }
}

impl<C: Connection> fmt::Debug for OwnConnection<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OwnConnection").field("is_open", &self.connection.is_some()).finish_non_exhaustive()
    }
}

async fn limited<T>(limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(Error::Io(std::io::ErrorKind::TimedOut.into())))
}
