//! A connection for whoever looks at the database again and again, and must not wait behind anybody.

use std::fmt;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Error, PgConnection, SqliteConnection};
use tokio::time::timeout;

use super::error::is_answer;
use super::postgres::{Opening, Times};

/// A connection of its own on either engine, which only reads; [`watch!`](crate::db::watch) looks through it.
#[derive(Debug)]
pub enum Watcher {
    /// Of a file.
    Sqlite(Own<SqliteConnectOptions>),
    /// Of a server.
    Postgres(Own<Opening>),
}

/// How a watcher's connection is made.
pub trait Connect: Send + Sync {
    /// The connection.
    type Connection: Connection;

    /// Connects.
    ///
    /// # Errors
    /// The driver's.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Error>> + Send;
}

impl Connect for SqliteConnectOptions {
    type Connection = SqliteConnection;

    async fn connect(&self) -> Result<SqliteConnection, Error> {
        sqlx::ConnectOptions::connect(self).await
    }
}

impl Connect for Opening {
    type Connection = PgConnection;

    async fn connect(&self) -> Result<PgConnection, Error> {
        self.connect().await
    }
}

/// A connection that is made when it is needed, and made again after a fault.
pub struct Own<W: Connect> {
    way: W,
    times: Times,
    connection: Option<W::Connection>,
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

impl<W: Connect> Own<W> {
    pub(super) fn new(way: W, times: Times) -> Self {
        Self { way, times, connection: None }
    }

    /// The connection, until it is [put back](Self::put_back); dropped before that, it is cut.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn take(&mut self) -> Result<W::Connection, Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => limited(self.times.connect(), self.way.connect()).await,
        }
    }

    /// Waits for a look's answer, within the time for one.
    ///
    /// # Errors
    /// What the look fails with, or that it took too long.
    pub async fn limit<T>(&self, look: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        limited(self.times.look(), look).await
    }

    /// A look by this connection has ended so: it serves for the next one, unless it is lost.
    ///
    /// # Errors
    /// What the look has failed with.
    pub fn put_back<T>(&mut self, connection: W::Connection, looked: Result<T, Error>) -> Result<T, Error> {
        if looked.as_ref().err().is_none_or(is_answer) {
            self.connection = Some(connection);
        }
        looked
    }

    async fn close(self) {
        if let Some(connection) = self.connection {
            // It is of no more use, however it ends.
            let _ = limited(self.times.connect(), connection.close()).await;
        }
    }
}

impl<W: Connect> fmt::Debug for Own<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Own").field("is_open", &self.connection.is_some()).finish_non_exhaustive()
    }
}

async fn limited<T>(limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(Error::Io(std::io::ErrorKind::TimedOut.into())))
}
