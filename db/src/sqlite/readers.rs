//! The connections of the driver that read a file. A statement takes one hop to its connection's thread and back: the
//! driver's own pool adds one before each statement and one after it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Error, SqliteConnection};
use tokio::runtime::Handle;

use super::places::{Place, Places};
use crate::error::is_answer;

/// The connections, each of which is opened on its first use.
#[derive(Clone, Debug)]
pub(super) struct Readers(Arc<IdleConnections>);

#[derive(Debug)]
struct IdleConnections {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A connection for one statement.
#[derive(Debug)]
pub struct ReaderLease {
    /// The connection and its place; absent only while they are given back.
    taken: Option<(SqliteConnection, Place)>,
    connections: Arc<IdleConnections>,
}

impl Readers {
    /// Creates connections with these options.
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self(Arc::new(IdleConnections { options, idle: Mutex::default() }))
    }

    /// Takes a connection.
    ///
    /// # Errors
    /// No place was free in time, or no connection can be opened.
    pub(super) async fn lease(&self, places: &Places) -> Result<ReaderLease, Error> {
        let place = places.take().await?;
        let idle = self.0.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.0.options.connect().await?,
        };
        Ok(ReaderLease { taken: Some((connection, place)), connections: Arc::clone(&self.0) })
    }

    /// Returns the number of connections without a statement.
    pub(super) fn idle(&self) -> usize {
        self.0.idle().len()
    }

    /// Closes every connection. No place is taken any more.
    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut *self.0.idle());
        for connection in idle {
            // The connection is discarded, so its error does not matter.
            let _ = connection.close().await;
        }
    }
}

impl IdleConnections {
    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReaderLease {
    /// Returns the connection.
    ///
    /// # Errors
    /// Never before the [end](Self::end).
    pub fn connection(&mut self) -> Result<&mut SqliteConnection, Error> {
        self.taken.as_mut().map(|(connection, _)| connection).ok_or(Error::PoolClosed)
    }

    /// Ends the statement with this result. Other calls then get the connection, unless it is lost.
    ///
    /// # Errors
    /// The error of the statement.
    pub fn end<T>(mut self, read: Result<T, Error>) -> Result<T, Error> {
        if let Some((connection, place)) = self.taken.take() {
            if read.as_ref().err().is_none_or(is_answer) {
                self.connections.idle().push(connection);
            }
            drop(place);
        }
        read
    }
}

impl Drop for ReaderLease {
    fn drop(&mut self) {
        let Some((mut connection, place)) = self.taken.take() else { return };
        // The call has been abandoned. Its statement may still run, so the next call gets the connection only after it.
        let connections = Arc::clone(&self.connections);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if connection.ping().await.is_ok() {
                    connections.idle().push(connection);
                }
                drop(place);
            });
        }
    }
}
