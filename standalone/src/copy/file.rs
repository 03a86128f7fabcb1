//! SQLite files of a copy: a source that is read without changes, and a target.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use db::{FileLock, OpenError, WitnessReading, make_folder};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

/// A file that a copy reads. No service uses the file meanwhile.
#[derive(Debug)]
pub(super) struct StillFile {
    path: PathBuf,
    before: Option<FileStamp>,
    _lock: FileLock,
}

/// Length and modification time of a file. They show a write to the file.
///
/// In WAL mode an opened file has a log beside it, and the close after a write changes the file's time.
#[derive(Debug, PartialEq, Eq)]
struct FileStamp {
    length: u64,
    seconds: i64,
    nanos: i64,
}

impl StillFile {
    /// Opens the file for reading. If a service has the file, waits as long as a restarting service would, then fails.
    pub(super) async fn open(path: &Path) -> Result<(Self, SqliteConnection), OpenError> {
        let lock = FileLock::take_whole(path).await?;
        let before = stamp(path).filter(|_| !has_log(path));
        let connection = open_still(path).await?;
        Ok((Self { path: path.to_owned(), before, _lock: lock }, connection))
    }

    /// Reads the witness of the file.
    pub(super) fn witness(&self) -> Result<WitnessReading, OpenError> {
        WitnessReading::read(&self.path)
    }

    /// Returns true if another program has written to the file without its lock. A file that had a log when it was
    /// opened is not checked.
    pub(super) fn has_changed(&self) -> bool {
        self.before.is_some() && (has_log(&self.path) || stamp(&self.path) != self.before)
    }

    /// Returns true if the path leads to this file.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let key = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        key(path).is_some_and(|other| Some(other) == key(&self.path))
    }
}

/// Opens a file for reading, without creating files beside it.
///
/// A read-only connection cannot remove a log that it created. So a file without a log is opened as immutable. The
/// caller must hold the lock of the file.
pub(super) async fn open_still(path: &Path) -> Result<SqliteConnection, OpenError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(!has_log(path));
    let opened = options.disable_statement_logging().connect().await;
    opened.map_err(|error| OpenError::Damaged(path.display().to_string(), error.to_string()))
}

/// Locks a file, and creates its folder if it is missing.
pub(super) async fn lock_to_fill(path: &Path) -> Result<FileLock, OpenError> {
    make_folder(path)?;
    FileLock::take_whole(path).await
}

/// Returns true if the file has a table of this name.
pub(super) async fn has_table(connection: &mut SqliteConnection, name: &str) -> Result<bool, sqlx::Error> {
    const SQL: &str = "select count(*) from sqlite_schema where type = 'table' and name = $1";
    let count: i64 = sqlx::query_scalar(SQL).bind(name).fetch_one(connection).await?;
    Ok(count > 0)
}

fn has_log(path: &Path) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    Path::new(&name).exists()
}

fn stamp(path: &Path) -> Option<FileStamp> {
    let stamp = |found: Metadata| FileStamp { length: found.len(), seconds: found.mtime(), nanos: found.mtime_nsec() };
    fs::metadata(path).ok().map(stamp)
}
