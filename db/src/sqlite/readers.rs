//! The connections that read a file. A statement costs one hop to its connection's thread and back: the driver's own
//! pool adds one before each statement and one after it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Error, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, timeout};

use crate::error::is_answer;
use crate::measures::{PoolLevels, PoolMeasure, WaitMeasure};

/// Longest wait of a call for a connection that reads: below the deadline of every RPC that reads.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(400);

/// The connections, each of which is opened on its first use.
#[derive(Clone, Debug)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    /// One place for each connection that may be used.
    places: Arc<Semaphore>,
    limit: u32,
    waits: WaitMeasure,
}

/// A connection for one statement.
#[derive(Debug)]
pub struct ReaderLease {
    /// The connection; absent only while it is given back.
    connection: Option<SqliteConnection>,
    place: Option<OwnedSemaphorePermit>,
    pool: Arc<Pool>,
}

impl Readers {
    /// Creates a pool of at most `limit` connections with these options.
    pub(super) fn new(options: SqliteConnectOptions, limit: u32) -> Self {
        let places = Arc::new(Semaphore::new(usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Pool { options, idle: Mutex::default(), places, limit, waits: WaitMeasure::default() }))
    }

    /// Returns the options of the connections.
    pub(super) fn options(&self) -> &SqliteConnectOptions {
        &self.0.options
    }

    /// Takes a connection.
    ///
    /// # Errors
    /// The pool is closed, no connection was free in time, or no connection can be opened.
    pub(super) async fn lease(&self) -> Result<ReaderLease, Error> {
        let places = Arc::clone(&self.0.places);
        let place = match places.try_acquire_owned() {
            Ok(place) => {
                self.0.waits.ended(Duration::ZERO);
                place
            }
            Err(TryAcquireError::Closed) => return Err(Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => self.wait().await?,
        };
        let idle = self.0.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => limited(self.0.options.connect()).await?,
        };
        Ok(ReaderLease { connection: Some(connection), place: Some(place), pool: Arc::clone(&self.0) })
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, Error> {
        let begun = Instant::now();
        let place = limited(async { Arc::clone(&self.0.places).acquire_owned().await.map_err(|_| Error::PoolClosed) });
        let place = place.await.inspect_err(|_| self.0.waits.timed_out())?;
        self.0.waits.ended(begun.elapsed());
        Ok(place)
    }

    /// Returns the connections at this moment, and the waits for them.
    pub(super) fn measure(&self) -> PoolMeasure<'_> {
        let limit = usize::try_from(self.0.limit).unwrap_or(usize::MAX);
        let (idle, used) = (self.0.idle().len(), limit.saturating_sub(self.0.places.available_permits()));
        let levels = Some(PoolLevels { idle, used, others: 0, limit });
        PoolMeasure { name: "read", levels, waiting: None, waits: Some(&self.0.waits) }
    }

    /// Waits until the running statements have ended, and closes every connection.
    pub(super) async fn close(&self) {
        // Later calls wait behind this one, until they are refused.
        let all = self.0.places.acquire_many(self.0.limit).await;
        self.0.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.0.idle());
        for connection in idle {
            // The connection is discarded, so its error does not matter.
            let _ = connection.close().await;
        }
    }
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReaderLease {
    /// Returns the connection.
    ///
    /// # Errors
    /// Never while the lease lives.
    pub fn connection(&mut self) -> Result<&mut SqliteConnection, Error> {
        self.connection.as_mut().ok_or(Error::PoolClosed)
    }

    /// Ends the statement with this result. Other calls then get the connection, unless it is lost.
    ///
    /// # Errors
    /// The error of the statement.
    pub fn end<T>(mut self, read: Result<T, Error>) -> Result<T, Error> {
        let connection = self.connection.take();
        if read.as_ref().err().is_none_or(is_answer) {
            self.pool.idle().extend(connection);
        }
        read
    }
}

impl Drop for ReaderLease {
    fn drop(&mut self) {
        let (Some(mut connection), Some(place)) = (self.connection.take(), self.place.take()) else { return };
        // The call has been abandoned. Its statement may still run, so the next call gets the connection only after it.
        let pool = Arc::clone(&self.pool);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if connection.ping().await.is_ok() {
                    pool.idle().push(connection);
                }
                drop(place);
            });
        }
    }
}

async fn limited<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(ACQUIRE_TIMEOUT, work).await.unwrap_or(Err(Error::PoolTimedOut))
}
