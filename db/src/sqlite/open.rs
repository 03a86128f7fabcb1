//! Opens a database file: locked, migrated, with one writer and a few readers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use sqlx::migrate::Migrator;
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{Execute as _, Executor as _, FromRow, Sqlite as Driver};

use super::files::{RESTORING, beside, make_file, make_folder};
use super::first::{close_first, connect_first};
use super::job::{HeldByWrite, WriteJob, WriteKind};
use super::limits::{BUSY_TIMEOUT, READER_CACHE_KIB};
use super::lock::FileLock;
use super::measure::WriterMeasure;
use super::places::Places;
use super::readers::{ReaderLease, Readers};
use super::rows::RowReaders;
use super::watcher::FileWatcher;
use super::witness::{CommitWitness, LossSign};
use super::writer::{SqliteWriter, WitnessPlace};
use crate::measures::{PoolLevels, PoolMeasure, WorkKind, WorkTimes};
use crate::{OpenError, ReadRow, SqlStatement, StoreError, TransactionOutcome, Tx, migrations};

/// Number of statements that read at once; more than the cores of a small machine do not read faster.
const READER_CONNECTIONS: u32 = 4;

/// Presence of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Witnessing {
    Off,
    On,
}

/// An open database file. One connection writes, so no write ever waits for another write's lock. A pool of connections
/// reads.
#[derive(Clone, Debug)]
pub struct Sqlite {
    writer: SqliteWriter,
    /// Places of the statements of `readers` and `row_readers`.
    places: Places,
    readers: Readers,
    row_readers: RowReaders,
    work: Arc<WorkTimes>,
    pub(super) path: Arc<PathBuf>,
    pub(super) witness: WitnessPlace,
    /// Sign of lost commits, found by the start.
    pub(super) loss: Option<LossSign>,
    /// Lock of the file. Snapshots and databases opened beside a service have no lock.
    _lock: Option<Arc<FileLock>>,
}

impl Sqlite {
    /// Opens the file and applies the missing migrations. Creates the file (0600) and its folder (0700) if they are
    /// missing. A second process waits two seconds for the first to end, and is then refused.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open(path: &Path, migrations: &Migrator) -> Result<Self, OpenError> {
        Self::open_with(path, migrations, super::group::MAX_GROUP_SIZE).await
    }

    /// Opens the file in the same way, with at most `group` writes per commit, for benchmarks.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open_with(path: &Path, migrations: &Migrator, group: usize) -> Result<Self, OpenError> {
        Self::open_as(path, migrations, group, Witnessing::Off).await
    }

    /// Opens the file in the same way, with a witness: [`Sqlite::loss`] tells if commits may be lost.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open_witnessed(path: &Path, migrations: &Migrator) -> Result<Self, OpenError> {
        Self::open_as(path, migrations, super::group::MAX_GROUP_SIZE, Witnessing::On).await
    }

    async fn open_as(
        path: &Path,
        migrations: &Migrator,
        group: usize,
        witnessing: Witnessing,
    ) -> Result<Self, OpenError> {
        make_folder(path)?;
        let lock = Arc::new(FileLock::take_whole(path).await?);
        make_file(path)?;
        let options = options(path);
        let mut connection = connect_first(path, &options).await?;
        migrations::run(&path.display().to_string(), &mut connection, migrations).await?;
        let (witness, loss) = match witnessing {
            Witnessing::Off => (None, None),
            Witnessing::On => match CommitWitness::open(path, &mut connection).await? {
                Ok(witness) => (Some(witness), None),
                Err(sign) => (None, Some(sign)),
            },
        };
        close_first(connection).await;
        let reading = options.clone().read_only(true).pragma("cache_size", (-READER_CACHE_KIB).to_string());
        let witness = placed(witness);
        let writer = SqliteWriter::start(options, group, Arc::clone(&witness));
        Ok(Self { loss, ..Self::new(writer, witness, reading, READER_CONNECTIONS, Some(lock)) })
    }

    /// Opens the file beside a service that may have it open: SQLite's own locks separate their writes.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do. Also if the file does not exist or is not of this version.
    pub async fn open_beside(path: &Path, migrations: &Migrator) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        if !path.is_file() {
            return Err(OpenError::Absent(name));
        }
        if beside(path, RESTORING).symlink_metadata().is_ok() {
            return Err(OpenError::Restoring(name));
        }
        let options = options(path);
        let reading = options.clone().read_only(true);
        let mut connection = connect_first(path, &options).await?;
        migrations::check_complete(&name, &mut connection, migrations).await?;
        let witness = placed(CommitWitness::open_beside(path, &mut connection).await);
        close_first(connection).await;
        let writer = SqliteWriter::start(options, 1, Arc::clone(&witness));
        Ok(Self::new(writer, witness, reading, 1, None))
    }

    /// Opens a copy that no service has open. Leaves its migrations as they are, and creates no file beside it. A copy
    /// is useless if its change is interrupted.
    #[must_use]
    pub fn open_snapshot(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Memory)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        // Only the writer sets the journal mode.
        let reading = SqliteConnectOptions::new().filename(path).read_only(true);
        let witness = WitnessPlace::default();
        let writer = SqliteWriter::start(options, super::group::MAX_GROUP_SIZE, Arc::clone(&witness));
        Self::new(writer, witness, reading, 1, None)
    }

    fn new(
        writer: SqliteWriter,
        witness: WitnessPlace,
        reading: SqliteConnectOptions,
        statements: u32,
        lock: Option<Arc<FileLock>>,
    ) -> Self {
        let path = Arc::new(reading.get_filename().to_owned());
        let row_readers = RowReaders::new(path.to_path_buf());
        let (places, readers) = (Places::new(statements), Readers::new(reading));
        Self { writer, places, readers, row_readers, work: Arc::default(), path, witness, loss: None, _lock: lock }
    }

    /// Returns the times of the work.
    pub fn work(&self) -> &WorkTimes {
        &self.work
    }

    /// Returns the measures of the writer.
    pub(crate) fn writer_measure(&self) -> &WriterMeasure {
        self.writer.measure()
    }

    /// Returns the connections that read and the queue of the writer.
    pub(crate) fn pools(&self) -> [PoolMeasure<'_>; 2] {
        let (waiting, waits) = (Some(self.writer.waiting()), Some(&self.writer.measure().waits));
        let (idle, used) = (self.readers.idle() + self.row_readers.idle(), self.places.used());
        let levels = Some(PoolLevels { idle, used, others: 0, limit: self.places.limit() });
        [
            PoolMeasure { name: "read", levels, waiting: None, waits: Some(self.places.waits()) },
            PoolMeasure { name: "write", levels: None, waiting, waits },
        ]
    }

    /// Returns a connection for polls.
    pub(crate) fn watcher(&self) -> FileWatcher {
        FileWatcher::new((*self.path).clone())
    }

    /// Takes a connection that reads.
    ///
    /// # Errors
    /// No connection was free in time, or none can be opened.
    pub async fn lease_reader(&self) -> Result<ReaderLease, sqlx::Error> {
        self.readers.lease(&self.places).await
    }

    /// Returns the rows of a statement that reads.
    pub(crate) async fn select<T: ReadRow>(&self, statement: SqlStatement) -> Result<Vec<T>, StoreError> {
        self.row_readers.select(&self.places, statement).await
    }

    /// Runs a statement that writes, and returns the number of rows written. Gives `held` up before the acknowledgment.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn write(
        &self,
        statement: Query<'static, Driver, SqliteArguments>,
        held: HeldByWrite,
    ) -> Result<u64, StoreError> {
        let write = WriteJob::new(WriteKind::OneStatement, move |connection| {
            Box::pin(
                async move { Ok(TransactionOutcome::Commit(connection.execute(statement).await?.rows_affected())) },
            )
        });
        self.work.measure(WorkKind::Write, self.writer.run(write.holding(held))).await
    }

    /// Runs a statement that writes and returns at most one row. Gives `held` up before the acknowledgment.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn write_one<T>(
        &self,
        mut statement: QueryAs<'_, Driver, T, SqliteArguments>,
        held: HeldByWrite,
    ) -> Result<Option<T>, StoreError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + 'static,
    {
        // The driver's arguments own their values.
        let values = statement.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let sql = statement.sql();
        let write = WriteJob::new(WriteKind::OneStatement, move |connection| {
            let statement = sqlx::query_as_with(sql, values);
            // All rows are read: a statement that is its own transaction commits after its last row.
            Box::pin(async move { Ok(TransactionOutcome::Commit(statement.fetch_all(connection).await?.pop())) })
        });
        self.work.measure(WorkKind::Write, self.writer.run(write.holding(held))).await
    }

    pub(crate) async fn transaction<I, T, F>(&self, input: I, work: F) -> Result<T, StoreError>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(Tx<'t>, &'t I) -> BoxFuture<'t, Result<TransactionOutcome<T>, sqlx::Error>>
            + Send
            + Sync
            + 'static,
    {
        let write = WriteJob::new(WriteKind::Several, move |connection| {
            Box::pin(async move { work(Tx::Sqlite(connection), &input).await })
        });
        self.work.measure(WorkKind::Transaction, self.writer.run(write)).await
    }

    /// Waits until the writer task has died.
    pub(crate) async fn writer_died(&self) {
        self.writer.died().await;
    }

    /// Commits the waiting writes, and closes every connection.
    pub async fn close(&self) {
        // The last connection to close moves the log into the file and removes it: a connection that only reads cannot
        // do this.
        self.places.close().await;
        self.readers.close().await;
        self.row_readers.close();
        self.writer.close().await;
    }
}

fn placed(witness: Option<CommitWitness>) -> WitnessPlace {
    Arc::new(witness.map_or_else(OnceLock::new, OnceLock::from))
}

/// Returns the options of a service's connection. The file is in WAL mode since its first connection: the statement that
/// sets the mode does not wait for locks.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        // In WAL mode only FULL makes a commit survive a power loss (sqlite.org/pragma.html#pragma_synchronous).
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}
