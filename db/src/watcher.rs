//! A dedicated connection for polls of the database, which must not wait behind other calls.

use std::time::Duration;

use sqlx::Error;
use tokio::time::timeout;

use super::postgres::PrimaryConnection;
use super::sqlite::FileWatcher;
use super::{ReadRow, SqlStatement, StoreError};

/// Longest poll, the round trip included.
const POLL_TIMEOUT: Duration = Duration::from_millis(400);

/// A dedicated connection on either engine, which only reads.
#[derive(Debug)]
pub struct Watcher(Connection);

#[derive(Debug)]
enum Connection {
    File(FileWatcher),
    Server(PrimaryConnection),
}

impl Watcher {
    pub(super) fn of_file(watcher: FileWatcher) -> Self {
        Self(Connection::File(watcher))
    }

    pub(super) fn of_server(connection: PrimaryConnection) -> Self {
        Self(Connection::Server(connection))
    }

    /// Returns the rows of a statement. Waits for them up to the limit of a poll. A failed poll is not repeated.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn select<T: ReadRow>(&mut self, statement: SqlStatement) -> Result<Vec<T>, StoreError> {
        match &mut self.0 {
            Connection::File(watcher) => timeout(POLL_TIMEOUT, watcher.select(statement))
                .await
                .unwrap_or_else(|_| Err(Error::Io(std::io::ErrorKind::TimedOut.into()).into())),
            Connection::Server(connection) => Ok(connection.select(&statement).await?),
        }
    }

    /// Closes the connection.
    pub async fn close(self) {
        match self.0 {
            Connection::File(watcher) => watcher.close().await,
            Connection::Server(connection) => connection.close().await,
        }
    }
}
