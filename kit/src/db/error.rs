//! What can go wrong with a database, as facts and not as a driver's text.

use std::path::PathBuf;

use sqlx::error::DatabaseError;

/// A statement that did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, busy or read-only: the same call may succeed later.
    #[error("the database is away")]
    Unavailable(#[source] sqlx::Error),
    /// The disk is full: nothing was written.
    #[error("the database's disk is full")]
    Full,
    /// A fault of this program or of the file.
    #[error("the database refused a statement")]
    Fault(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) => match sqlite_code(&**cause) {
                Some(SQLITE_FULL) => Self::Full,
                Some(SQLITE_BUSY | SQLITE_LOCKED | SQLITE_READONLY | SQLITE_IOERR | SQLITE_CANTOPEN) => {
                    Self::Unavailable(error)
                }
                _ => Self::Fault(error),
            },
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => {
                Self::Unavailable(error)
            }
            _ => Self::Fault(error),
        }
    }
}

/// Whether a statement failed because a unique column has the value already.
pub fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(DatabaseError::is_unique_violation)
}

// Source: sqlite.org/rescode.html, the primary result codes.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;

/// The primary result code: the low byte of the extended one.
fn sqlite_code(error: &dyn DatabaseError) -> Option<u32> {
    error.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}

/// Why a database could not be opened: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another process: stop that one first, or use another folder")]
    InUse(PathBuf),
    /// Its folder cannot be made or written to.
    #[error("{0} cannot be written to ({1}): make its folder writable for this user, or use another one")]
    Unwritable(PathBuf, String),
    /// It has been migrated by a later version.
    #[error("{0} was written by a newer version (migration {1} is unknown): run that version, or restore a backup")]
    Newer(PathBuf, i64),
    /// A migration is not the one that this version knows.
    #[error("{0} does not fit this version (migration {1} differs): restore a backup, or use another folder")]
    Altered(PathBuf, i64),
    /// The file is no database, or is damaged.
    #[error("{0} cannot be opened as a database ({1}): restore a backup, or use another folder")]
    Damaged(PathBuf, String),
    /// The SQLite library can lose data.
    #[error("SQLite {0} is too old, at least 3.51.3 is needed: build with the bundled library")]
    OldLibrary(String),
}
