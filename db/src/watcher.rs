//! A connection for whoever looks at the database again and again, and must not wait behind anybody.

use std::fmt;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Error, SqliteConnection};
use tokio::time::timeout;

use super::PrimaryConnection;
use super::error::is_answer;

/// How long one try to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// How long a look may take with its way there and back.
const POLL_TIMEOUT: Duration = Duration::from_millis(400);

/// A connection of its own on either engine, which only reads; [`watch!`](crate::watch) looks through it.
#[derive(Debug)]
pub enum Watcher {
    /// Of a file.
    Sqlite(OwnConnection<SqliteConnection>),
    /// Of a server.
    Postgres(PrimaryConnection),
}

/// A connection that is made when it is needed, and made again after a fault.
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

    /// The connection, until it is [put back](Self::put_back); dropped before that, it is cut.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn take(&mut self) -> Result<Box<C>, Error>
    where
        C::Options: ConnectOptions<Connection = C>,
    {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => limited(CONNECT_TIMEOUT, self.options.connect()).await.map(Box::new),
        }
    }

    /// Waits for a look's answer, within the time for one.
    ///
    /// # Errors
    /// What the look fails with, or that it took too long.
    pub async fn limit<T>(&self, look: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        limited(POLL_TIMEOUT, look).await
    }

    /// A look by this connection has ended so: it serves for the next one, unless it is lost.
    ///
    /// # Errors
    /// What the look has failed with.
    pub fn put_back<T>(&mut self, connection: Box<C>, looked: Result<T, Error>) -> Result<T, Error> {
        if looked.as_ref().err().is_none_or(is_answer) {
            self.connection = Some(connection);
        }
        looked
    }

    async fn close(self) {
        if let Some(connection) = self.connection {
            // It is of no more use, however it ends.
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
