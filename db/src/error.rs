//! Errors of a database, as facts and not as a driver's text.

use std::sync::Arc;

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::postgres::PgDatabaseError;

/// A failure of a statement.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is busy or read-only, and has written nothing: the same call may succeed later.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// The answer to a commit did not arrive: the write may be stored or not.
    #[error("the database did not answer a commit")]
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

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let class = error.sqlite_error().map_or(ErrorClass::Fault, |cause| classify_sqlite(cause.extended_code));
        let cause = Arc::new(sqlx::Error::AnyDriverError(Box::new(error)));
        match class {
            ErrorClass::Full => Self::Full,
            ErrorClass::Away => Self::Unavailable(cause),
            _ => Self::Fault(cause),
        }
    }
}

impl StoreError {
    /// Returns the error for a write that shared its commit with the failed one.
    pub(super) fn for_group_member(&self) -> Self {
        match self {
            Self::Unavailable(cause) | Self::Unknown(cause) | Self::Taken(cause) | Self::Fault(cause) => {
                Self::Unavailable(Arc::clone(cause))
            }
            Self::Full => Self::Full,
        }
    }

    /// Turns an unknown outcome into an outage. Use it for a write that is useless without the rest of its call, and
    /// that a repeated call writes again.
    #[must_use]
    pub fn or_unavailable(self) -> Self {
        match self {
            Self::Unknown(cause) => Self::Unavailable(cause),
            other => other,
        }
    }

    /// Turns an outage into an unknown outcome. Use it for a lookup of the effects of an unanswered commit.
    #[must_use]
    pub fn or_unknown(self) -> Self {
        match self {
            Self::Unavailable(cause) => Self::Unknown(cause),
            other => other,
        }
    }

    /// Converts the error of a commit: a lost connection leaves the outcome unknown.
    pub(super) fn from_commit(error: sqlx::Error) -> Self {
        if is_broken(&error) { Self::Unknown(Arc::new(error)) } else { error.into() }
    }
}

/// Returns true if the statement broke a constraint of its table, and nothing else failed.
pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| !matches!(cause.kind(), ErrorKind::Other))
}

/// Returns true if the connection is lost.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(cause) => matches!(classify(&**cause), ErrorClass::Broken),
        _ => false,
    }
}

/// Returns true if the server has refused a statement and accepts others on the same connection.
pub(super) fn is_answer(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some() && !is_broken(error)
}

/// Returns true if a repeated transaction may succeed: the server asks for the repetition, or a statement must be
/// prepared again.
pub(super) fn is_repeatable(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| matches!(classify(cause), ErrorClass::Repeat | ErrorClass::Stale))
}

/// Returns true if the answer did not arrive in time.
pub(super) fn is_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::TimedOut)
}

/// Returns true if the pool refused a call because another call's connection attempt failed.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::NotConnected)
}

/// State of a PostgreSQL connection after a failed statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionFate {
    /// The connection takes other statements.
    Serves,
    /// The connection leads to a server that takes no writes.
    OnlyReads,
    /// The connection's prepared statements are useless.
    Stale,
    /// The server has ended the connection.
    Ended,
    /// The connection was lost; the server may not know.
    Lost,
    /// The answer was not read to its end.
    Unread,
}

/// Returns the state of a connection after this failure of a statement.
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

/// Returns true if the wait for another transaction's lock was too long. The two transactions may wait for each other.
/// By default the server looks for a deadlock only after 1 s, and this wait ends earlier.
pub fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| matches!(classify(cause), ErrorClass::Locked))
}

/// Meaning of a database's error code.
enum ErrorClass {
    /// The fault may end by itself.
    Away,
    /// The server takes no writes, as a standby does.
    OnlyReads,
    /// A prepared statement is gone, or its result has another type.
    Stale,
    /// The connection is lost.
    Broken,
    /// The whole transaction has to be repeated.
    Repeat,
    /// Another transaction held a lock for longer than the wait for it.
    Locked,
    /// The disk is full.
    Full,
    /// The fault is permanent.
    Fault,
}

fn classify(cause: &dyn DatabaseError) -> ErrorClass {
    let Some(code) = cause.code() else { return ErrorClass::Fault };
    match cause.try_downcast_ref::<PgDatabaseError>() {
        // "Cached plan must not change result type", in the server's language. Other errors with this code are faults.
        Some(cause) if cause.code() == "0A000" && cause.routine() == Some("RevalidateCachedQuery") => ErrorClass::Stale,
        Some(cause) => classify_postgres(cause.code()),
        None => code.parse().map_or(ErrorClass::Fault, classify_sqlite),
    }
}

/// Reads the primary result code, the low byte of the extended one (sqlite.org/rescode.html).
fn classify_sqlite(code: i32) -> ErrorClass {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const READONLY: i32 = 8;
    const IOERR: i32 = 10;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    match code & 0xff {
        FULL => ErrorClass::Full,
        BUSY | LOCKED | READONLY | IOERR | CANTOPEN => ErrorClass::Away,
        _ => ErrorClass::Fault,
    }
}

/// Reads the codes of postgresql.org/docs/current/errcodes-appendix.html.
fn classify_postgres(code: &str) -> ErrorClass {
    match code {
        // serialization_failure, deadlock_detected.
        "40001" | "40P01" => ErrorClass::Repeat,
        "53100" => ErrorClass::Full,
        // The server ends the connection: it shuts down, crashed, starts, drops the database, or waited too long for
        // the client.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" => ErrorClass::Broken,
        "55P03" => ErrorClass::Locked,
        "25006" => ErrorClass::OnlyReads,
        // The prepared statement is gone: a pooler or a command has discarded all of them.
        "26000" => ErrorClass::Stale,
        // statement_timeout, a database that does not exist (yet).
        "57014" | "3D000" => ErrorClass::Away,
        // Connection exception, insufficient resources, system error; credentials that are being changed.
        _ => match code.get(..2) {
            Some("08") => ErrorClass::Broken,
            Some("53" | "58" | "28") => ErrorClass::Away,
            _ => ErrorClass::Fault,
        },
    }
}

/// Reasons why a database could not be opened. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the lock.
    #[error("{0} is in use by another process: stop that process first, or use another folder")]
    InUse(String),
    /// Another program holds a lock on the whole file.
    #[error("{0} is locked by another program: end that program, then start again")]
    Locked(String),
    /// A restore was interrupted.
    #[error("{0} has an interrupted restore: run the same `gatepost restore` again")]
    Restoring(String),
    /// The folder or a file cannot be created or written.
    #[error(
        "{0} cannot be written ({1}): make its folder and all its files writable for this user, or use another folder"
    )]
    Unwritable(String, String),
    /// A later version has migrated the database.
    #[error("{0} was written by a newer version (migration {1} is unknown): run that version, or restore a backup")]
    Newer(String, i64),
    /// A migration differs from this version's migration of the same number.
    #[error(
        "{0} does not fit this version (migration {1} differs): give each service a database of its own, or restore a backup"
    )]
    Altered(String, i64),
    /// The file is not a database, or is damaged.
    #[error("{0} cannot be opened as a database ({1}): restore a backup, or use another one")]
    Damaged(String, String),
    /// The server does not answer, or refuses the connection.
    #[error("{0} refuses the connection or does not answer ({1}): check the server, user, password and database")]
    Away(String, String),
    /// Another process is still migrating the database.
    #[error("{0} is still being migrated by another process: wait until the migration ends, then start again")]
    Migrating(String),
    /// A migration failed and was rolled back.
    #[error("{0} could not be migrated ({1}), and the failed step was rolled back: remove the cause, then start again")]
    Unmigrated(String, String),
    /// The server may lose acknowledged writes.
    #[error("{0} has synchronous_commit = off, so an acknowledged write can be lost: set it to on")]
    Forgetful(String),
    /// The server is too old.
    #[error("{0} is PostgreSQL {1}: at least 14 is needed, so upgrade the server")]
    OldServer(String, String),
    /// The database cannot hold every text.
    #[error("{0} has the encoding {1}, which cannot hold every text: create a database with the encoding UTF8")]
    Encoded(String, String),
    /// The server is a standby.
    #[error("{0} is a standby, which takes no writes: name the primary, or promote this server")]
    Standby(String),
    /// Transactions of this user and database are read-only.
    #[error(
        "{0} has default_transaction_read_only = on, so it takes no writes: set it to off for this user and database"
    )]
    ReadOnly(String),
    /// A pooler spreads one connection's statements over several sessions.
    #[error(
        "{0} is behind a pooler in transaction mode, and the services need one session per connection: set \
         pool_mode = session for this database, or name the server itself"
    )]
    SharedSessions(String),
    /// The server is too far away.
    #[error("{0} is {1} ms away (one round trip), and at most 100 ms work: run this service nearer to its database")]
    Far(String, u128),
    /// The file does not exist.
    #[error("{0} is not there: name the file of a service's database")]
    Absent(String),
    /// A migration is missing, and this call applies no migrations.
    #[error("{0} is older than this version (migration {1} is missing): start this version's service on it once")]
    Older(String, i64),
    /// The SQLite library can lose data.
    #[error("SQLite {0} is too old, at least 3.51.3 is needed: build with the bundled library")]
    OldLibrary(String),
}
