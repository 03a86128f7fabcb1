//! What can go wrong with a database, as facts and not as a driver's text.

use std::sync::Arc;

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::postgres::PgDatabaseError;

/// A statement that did not do its work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, busy or read-only and has written nothing: the same call may succeed later.
    #[error("the database is away")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// The database was told to commit, and its answer did not come: the write stands or not.
    #[error("the database has not said whether it wrote")]
    Unknown(#[source] Arc<sqlx::Error>),
    /// The disk is full: nothing was written.
    #[error("the database's disk is full")]
    Full,
    /// A unique column has the value already: nothing was written.
    #[error("a unique column has this value already")]
    Taken(#[source] Arc<sqlx::Error>),
    /// A fault of this program or of the file.
    #[error("the database refused a statement")]
    Fault(#[source] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Taken(Arc::new(error)),
            sqlx::Error::Database(cause) => match trouble(&**cause) {
                Trouble::Full => Self::Full,
                Trouble::Away | Trouble::Broken | Trouble::Repeat | Trouble::Locked => {
                    Self::Unavailable(Arc::new(error))
                }
                Trouble::Fault => Self::Fault(Arc::new(error)),
            },
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(Arc::new(error))
            }
            _ if is_broken(&error) => Self::Unavailable(Arc::new(error)),
            _ => Self::Fault(Arc::new(error)),
        }
    }
}

impl StoreError {
    /// For work that would have been written together with the one that failed so.
    pub(super) fn of_another(&self) -> Self {
        match self {
            Self::Unavailable(cause) | Self::Unknown(cause) | Self::Taken(cause) | Self::Fault(cause) => {
                Self::Unavailable(Arc::clone(cause))
            }
            Self::Full => Self::Full,
        }
    }

    /// Takes an unknown outcome for none: of a write that is worth nothing without what its call does after it, and that the
    /// call makes again when it is repeated.
    #[must_use]
    pub fn or_unavailable(self) -> Self {
        match self {
            Self::Unknown(cause) => Self::Unavailable(cause),
            other => other,
        }
    }

    /// For a write that was left without an answer by this error, if it was.
    pub(super) fn of_a_commit(error: sqlx::Error) -> Self {
        if is_broken(&error) { Self::Unknown(Arc::new(error)) } else { error.into() }
    }
}

/// Whether the statement alone is refused, because of what the tables hold.
pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| !matches!(cause.kind(), ErrorKind::Other))
}

/// Whether nothing more can be said to the server by the connection that failed so.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(cause) => matches!(trouble(&**cause), Trouble::Broken),
        _ => false,
    }
}

/// Whether the server has refused a statement, and takes others by the same connection.
pub(super) fn is_answer(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some() && !is_broken(error)
}

/// Whether the server asks for the same transaction again.
pub(super) fn is_repeatable(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| matches!(trouble(cause), Trouble::Repeat))
}

/// Whether another transaction had what this one waited for. It may have waited for this one, too: after the limit of
/// this wait, the server finds a deadlock only if it was told to look for it sooner than it does by default (1 s).
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| matches!(trouble(cause), Trouble::Locked))
}

/// What a database's refusal means.
enum Trouble {
    /// It may pass by itself.
    Away,
    /// The connection is lost.
    Broken,
    /// The same transaction is to be run again.
    Repeat,
    /// Another transaction has kept a lock for longer than was waited for.
    Locked,
    /// The disk is full.
    Full,
    /// It will not pass.
    Fault,
}

fn trouble(cause: &dyn DatabaseError) -> Trouble {
    let Some(code) = cause.code() else { return Trouble::Fault };
    if cause.try_downcast_ref::<PgDatabaseError>().is_some() { of_postgres(&code) } else { of_sqlite(&code) }
}

/// The primary result code is the low byte of the extended one (sqlite.org/rescode.html).
fn of_sqlite(code: &str) -> Trouble {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(FULL) => Trouble::Full,
        Ok(BUSY | LOCKED | READONLY | IOERR | CANTOPEN) => Trouble::Away,
        _ => Trouble::Fault,
    }
}

/// Source: postgresql.org/docs/current/errcodes-appendix.html.
fn of_postgres(code: &str) -> Trouble {
    match code {
        // serialization_failure, deadlock_detected.
        "40001" | "40P01" => Trouble::Repeat,
        "53100" => Trouble::Full,
        // The server ends the connection: it shuts down, has crashed, starts, drops the database, or has waited for us.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" => Trouble::Broken,
        "55P03" => Trouble::Locked,
        // statement_timeout, a server that only reads, a database that is not there (yet).
        "57014" | "25006" | "3D000" => Trouble::Away,
        // Connection exception, insufficient resources, system error; credentials that are being changed.
        _ => match code.get(..2) {
            Some("08") => Trouble::Broken,
            Some("53" | "58" | "28") => Trouble::Away,
            _ => Trouble::Fault,
        },
    }
}

/// Why a database could not be opened: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another process: stop that one first, or use another folder")]
    InUse(String),
    /// A restore has not come to its end.
    #[error("{0} is being restored, and that was broken off: run the same `gatepost restore` again")]
    Restoring(String),
    /// Its folder cannot be made or written to.
    #[error(
        "{0} cannot be written to ({1}): make its folder and all of its files writable for this user, or use another folder"
    )]
    Unwritable(String, String),
    /// It has been migrated by a later version.
    #[error("{0} was written by a newer version (migration {1} is unknown): run that version, or restore a backup")]
    Newer(String, i64),
    /// A migration is not the one that this version knows.
    #[error(
        "{0} does not fit this version (migration {1} differs): give each service a database of its own, or restore a backup"
    )]
    Altered(String, i64),
    /// The file is no database, or is damaged.
    #[error("{0} cannot be opened as a database ({1}): restore a backup, or use another one")]
    Damaged(String, String),
    /// The server does not answer, or does not let us in.
    #[error("{0} does not let us in ({1}): see that the server runs, and that user, password and database are right")]
    Away(String, String),
    /// Another process has been migrating it for long.
    #[error("{0} is still being migrated by another process: wait for that one, then start again")]
    Migrating(String),
    /// A migration did not succeed, and was undone.
    #[error("{0} could not be migrated ({1}), and nothing is left half done: see to the cause, then start again")]
    Unmigrated(String, String),
    /// The server may forget what it has acknowledged.
    #[error("{0} has synchronous_commit = off, so an acknowledged write can be lost: set it to on")]
    Forgetful(String),
    /// There is no such file.
    #[error("{0} is not there: name the file of a service's database")]
    Absent(String),
    /// It has not been migrated, and is not to be.
    #[error("{0} is older than this version (migration {1} is missing): start this version's service on it once")]
    Older(String, i64),
    /// The SQLite library can lose data.
    #[error("SQLite {0} is too old, at least 3.51.3 is needed: build with the bundled library")]
    OldLibrary(String),
}
