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
            sqlx::Error::Database(cause) => match classify(&**cause) {
                ErrorClass::Full => Self::Full,
                ErrorClass::Away
                | ErrorClass::OnlyReads
                | ErrorClass::Broken
                | ErrorClass::Repeat
                | ErrorClass::Stale
                | ErrorClass::Locked => Self::Unavailable(Arc::new(error)),
                ErrorClass::Fault => Self::Fault(Arc::new(error)),
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
    pub(super) fn for_group_member(&self) -> Self {
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

    /// Takes an outage for an unknown outcome: of a look for what an unanswered commit may have written.
    #[must_use]
    pub fn or_unknown(self) -> Self {
        match self {
            Self::Unavailable(cause) => Self::Unknown(cause),
            other => other,
        }
    }

    /// For a write that was left without an answer by this error, if it was.
    pub(super) fn from_commit(error: sqlx::Error) -> Self {
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
        sqlx::Error::Database(cause) => matches!(classify(&**cause), ErrorClass::Broken),
        _ => false,
    }
}

/// Whether the server has refused a statement, and takes others by the same connection.
pub(super) fn is_answer(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some() && !is_broken(error)
}

/// Returns true if the server asks for the same transaction again, or takes it after a new preparation.
pub(super) fn is_repeatable(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| matches!(classify(cause), ErrorClass::Repeat | ErrorClass::Stale))
}

/// Returns true if the answer did not come in time.
pub(super) fn is_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::TimedOut)
}

/// Returns true if a pool's call was refused together with others, by what one of them met.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::NotConnected)
}

/// The fate of a connection to a PostgreSQL on which a statement has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionFate {
    /// The connection takes other statements.
    Serves,
    /// The connection leads to a server that takes no writes.
    OnlyReads,
    /// The connection's prepared statements are of no more use.
    Stale,
    /// The server has ended it.
    Ended,
    /// The connection was lost, and the server may not know.
    Lost,
    /// The answer was not read to its end.
    Unread,
}

/// Returns the fate of a connection on which a statement has failed so.
pub(super) fn connection_fate(error: &sqlx::Error) -> ConnectionFate {
    match error {
        sqlx::Error::Database(cause) => match classify(&**cause) {
            ErrorClass::OnlyReads => ConnectionFate::OnlyReads,
            ErrorClass::Stale => ConnectionFate::Stale,
            ErrorClass::Broken => ConnectionFate::Ended,
            _ => ConnectionFate::Serves,
        },
        error if is_broken(error) => ConnectionFate::Lost,
        _ => ConnectionFate::Unread,
    }
}

/// Whether another transaction had what this one waited for. It may have waited for this one, too: after the limit of
/// this wait, the server finds a deadlock only if it was told to look for it sooner than it does by default (1 s).
pub fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| matches!(classify(cause), ErrorClass::Locked))
}

/// What a database's refusal means.
enum ErrorClass {
    /// It may pass by itself.
    Away,
    /// The server takes no writes, as a standby does.
    OnlyReads,
    /// A prepared statement is gone, or answers otherwise than it did.
    Stale,
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

fn classify(cause: &dyn DatabaseError) -> ErrorClass {
    let Some(code) = cause.code() else { return ErrorClass::Fault };
    match cause.try_downcast_ref::<PgDatabaseError>() {
        // "Cached plan must not change result type", in the server's language. Others of this code are faults.
        Some(cause) if cause.code() == "0A000" && cause.routine() == Some("RevalidateCachedQuery") => ErrorClass::Stale,
        Some(cause) => classify_postgres(cause.code()),
        None => classify_sqlite(&code),
    }
}

/// The primary result code is the low byte of the extended one (sqlite.org/rescode.html).
fn classify_sqlite(code: &str) -> ErrorClass {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(FULL) => ErrorClass::Full,
        Ok(BUSY | LOCKED | READONLY | IOERR | CANTOPEN) => ErrorClass::Away,
        _ => ErrorClass::Fault,
    }
}

/// Source: postgresql.org/docs/current/errcodes-appendix.html.
fn classify_postgres(code: &str) -> ErrorClass {
    match code {
        // serialization_failure, deadlock_detected.
        "40001" | "40P01" => ErrorClass::Repeat,
        "53100" => ErrorClass::Full,
        // The server ends the connection: it shuts down, has crashed, starts, drops the database, or has waited for us.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" => ErrorClass::Broken,
        "55P03" => ErrorClass::Locked,
        "25006" => ErrorClass::OnlyReads,
        // The prepared statement is gone: a pooler or a command has thrown all away.
        "26000" => ErrorClass::Stale,
        // statement_timeout, a database that is not there (yet).
        "57014" | "3D000" => ErrorClass::Away,
        // Connection exception, insufficient resources, system error; credentials that are being changed.
        _ => match code.get(..2) {
            Some("08") => ErrorClass::Broken,
            Some("53" | "58" | "28") => ErrorClass::Away,
            _ => ErrorClass::Fault,
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
    /// The server is too old.
    #[error("{0} is PostgreSQL {1}: at least 14 is needed, so upgrade the server")]
    OldServer(String, String),
    /// The database cannot hold every text.
    #[error("{0} has the encoding {1}, which cannot hold every text: create a database with the encoding UTF8")]
    Encoded(String, String),
    /// The server repeats another server's writes.
    #[error("{0} is a standby, which takes no writes: name the primary, or promote this server")]
    Standby(String),
    /// Transactions of this user and database only read.
    #[error(
        "{0} has default_transaction_read_only = on, so it takes no writes: set it to off for this user and database"
    )]
    ReadOnly(String),
    /// A pooler gives one connection's statements to several sessions.
    #[error(
        "{0} is behind a pooler in transaction mode, and the services need one session a connection: set \
         pool_mode = session for this database, or name the server itself"
    )]
    SharedSessions(String),
    /// The server is too far away.
    #[error("{0} is {1} ms away (one round trip): up to 100 ms works, so run this service nearer to its database")]
    Far(String, u128),
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
