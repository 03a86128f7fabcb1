//! A connection for polls, which waits for no place among the statements of calls.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::rows::{open_reader, rows};
use crate::{ReadRow, SqlStatement, StoreError};

/// Longest wait for the end of an abandoned statement at the close.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection that is opened on its first use, and again after a fault.
#[derive(Debug)]
pub(crate) struct FileWatcher {
    path: PathBuf,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl FileWatcher {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, connection: Arc::default() }
    }

    /// Returns the rows of a statement. Waits first for the end of an abandoned statement, so a stalled disk holds at
    /// most one thread.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn select<T: ReadRow>(&self, statement: SqlStatement) -> Result<Vec<T>, StoreError> {
        let mut kept = Arc::clone(&self.connection).lock_owned().await;
        let path = self.path.clone();
        let read = spawn_blocking(move || {
            let connection = kept.take().map_or_else(|| open_reader(&path), Ok)?;
            let rows = rows(&connection, &statement)?;
            *kept = Some(connection);
            Ok(rows)
        });
        read.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// Closes the connection, after the end of an abandoned statement. A connection that is still open would keep the
    /// write-ahead log beside the file.
    pub(crate) async fn close(self) {
        if let Ok(mut kept) = timeout(CLOSE_TIMEOUT, self.connection.lock_owned()).await {
            // A panic would change nothing: the connection only reads.
            let _ = spawn_blocking(move || drop(kept.take())).await;
        }
    }
}
