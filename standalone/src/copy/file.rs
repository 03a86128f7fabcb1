//! A file that is copied: read without a trace, or filled as a service would.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use db::{FileLock, OpenError, make_folder};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

/// A file that no service has, and that stays as it is.
#[derive(Debug)]
pub(super) struct StillFile {
    path: PathBuf,
    before: Option<Stamp>,
    _lock: FileLock,
}

/// What tells whether somebody has written to a file. In WAL mode whoever opens it makes a log beside it, and whoever has
/// written and closes it again has changed the file's time.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    seconds: i64,
    nanos: i64,
}

impl StillFile {
    /// Opens the file for reading. A service that has it is waited for as at a restart, and then it is refused.
    pub(super) async fn open(path: &Path) -> Result<(Self, SqliteConnection), OpenError> {
        let lock = FileLock::take_whole(path).await?;
        let before = stamp(path).filter(|_| !has_log(path));
        let connection = open_still(path).await?;
        Ok((Self { path: path.to_owned(), before, _lock: lock }, connection))
    }

    /// Whether somebody has written to the file since, past all locks. With a log, which locks are for, nobody can have been
    /// seen.
    pub(super) fn has_changed(&self) -> bool {
        self.before.is_some() && (has_log(&self.path) || stamp(&self.path) != self.before)
    }

    /// Whether the path leads to this file.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let key = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        key(path).is_some_and(|other| Some(other) == key(&self.path))
    }
}

/// Opens a file for reading and leaves nothing beside it: a connection that only reads cannot take the log away again that
/// it has made. So where there is none, it takes the file for one that does not change; the caller has the lock.
pub(super) async fn open_still(path: &Path) -> Result<SqliteConnection, OpenError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(!has_log(path));
    let opened = options.disable_statement_logging().connect().await;
    opened.map_err(|error| OpenError::Damaged(path.display().to_string(), error.to_string()))
}

/// Takes the lock of a file that may be missing, with its folder.
pub(super) async fn lock_to_fill(path: &Path) -> Result<FileLock, OpenError> {
    make_folder(path)?;
    FileLock::take_whole(path).await
}

/// Whether the file has a table of this name.
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

fn stamp(path: &Path) -> Option<Stamp> {
    let of = |found: Metadata| Stamp { length: found.len(), seconds: found.mtime(), nanos: found.mtime_nsec() };
    fs::metadata(path).ok().map(of)
}
