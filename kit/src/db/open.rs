//! Opens a database: locked, migrated, with one writer and a few readers.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::query::QueryAs;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection as _, Database, FromRow, Sqlite, Transaction};

use super::lock::{FileLock, unwritable};
use super::{DatabaseUrl, OpenError};

/// Connections that read; more than the cores of a small machine do not read faster.
const READERS: u32 = 4;

/// How long a call waits for a connection that reads, and for the one that writes: below the deadline of every RPC that
/// does so.
const ACQUIRE_READER: Duration = Duration::from_millis(400);
const ACQUIRE_WRITER: Duration = Duration::from_secs(2);

/// How long a start waits for the database to open, on a disk that is busy.
const OPENING: Duration = Duration::from_secs(30);

/// How long a statement waits for a lock that another program holds on the file.
const BUSY: Duration = Duration::from_millis(300);

/// The first SQLite without the WAL-reset fault (sqlite.org/wal.html#walresetbug).
const OLDEST: (u32, u32, u32) = (3, 51, 3);

/// An open database: one writing connection, so that no write ever meets another's lock, and a pool of read-only ones.
#[derive(Clone, Debug)]
pub struct Db {
    writer: SqlitePool,
    readers: SqlitePool,
    _lock: Arc<FileLock>,
}

impl Db {
    /// Opens the database at `url`, making it (0600) and its folder (0700) where they are missing, and applies the
    /// migrations that it lacks. A second process waits two seconds for the first to end, then is refused.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub async fn open(url: &DatabaseUrl, migrations: &Migrator) -> Result<Self, OpenError> {
        let path = url.path();
        make_folder(path)?;
        // By its real name, so that a symbolic link and its target meet at one lock.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let lock = Arc::new(FileLock::take(&real).await?);
        make_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode only FULL makes a commit survive a power loss (sqlite.org/pragma.html#pragma_synchronous).
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        // By a connection of its own: to make and migrate a database may take longer than any call waits for one.
        let first = pool(1, OPENING).connect_with(options.clone()).await.map_err(|error| damaged(path, &error))?;
        check_library(&first, path).await?;
        // The file lock stands in for the migrator's own, which does nothing on SQLite.
        migrations.run(&first).await.map_err(|error| unmigrated(path, &error))?;
        first.close().await;
        let writer = pool(1, ACQUIRE_WRITER).connect_lazy_with(options.clone());
        let readers = pool(READERS, ACQUIRE_READER).connect_lazy_with(options.read_only(true));
        Ok(Self { writer, readers, _lock: lock })
    }

    /// The connections that read.
    pub fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    /// The connection that writes.
    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Begins a transaction that writes. It has the write lock from its beginning: one that reads first and then finds the
    /// lock taken would be refused at once instead of waiting.
    ///
    /// # Errors
    /// When no connection or no lock is to be had in time.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("begin immediate").await
    }

    /// Runs a statement that writes and returns at most one row, in a transaction of its own.
    ///
    /// Alone, such a statement commits when the driver resets it after its last row, and what fails then, a full disk for
    /// one, is told to nobody.
    ///
    /// # Errors
    /// What the statement or its commit fails with; then nothing is written.
    pub async fn write_one<'q, T>(
        &self,
        statement: QueryAs<'q, Sqlite, T, <Sqlite as Database>::Arguments>,
    ) -> Result<Option<T>, sqlx::Error>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow>,
    {
        let mut transaction = self.begin().await?;
        let row = statement.fetch_optional(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn pool(connections: u32, acquire: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(acquire).before_acquire(|connection, _| {
        // When a commit fails, on a full disk for one, SQLite has rolled back and refuses the driver's own rollback. The
        // driver then takes the transaction for open, and what it calls a commit afterwards is none.
        Box::pin(async move { Ok(!connection.is_in_transaction()) })
    })
}

/// Makes the folder for this user alone.
fn make_folder(path: &Path) -> Result<(), OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| unwritable(path, &error))?;
    }
    Ok(())
}

/// Makes the file for this user alone, before SQLite would make it for everybody. A file that stands is not opened: to
/// close it again would drop SQLite's locks on it.
fn make_file(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unwritable(path, &error)),
    }
}

async fn check_library(pool: &SqlitePool, path: &Path) -> Result<(), OpenError> {
    const SQL: &str = "select sqlite_version()";
    let version: String = sqlx::query_scalar(SQL).fetch_one(pool).await.map_err(|error| damaged(path, &error))?;
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < OLDEST { Err(OpenError::OldLibrary(version)) } else { Ok(()) }
}

fn damaged(path: &Path, error: &sqlx::Error) -> OpenError {
    OpenError::Damaged(path.to_owned(), error.to_string())
}

fn unmigrated(path: &Path, error: &MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Newer(path.to_owned(), *version),
        MigrateError::VersionMismatch(version) => OpenError::Altered(path.to_owned(), *version),
        other => OpenError::Damaged(path.to_owned(), other.to_string()),
    }
}
