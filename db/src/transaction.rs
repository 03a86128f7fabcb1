//! A transaction on either engine, and its outcome.

use sqlx::{PgConnection, SqliteConnection};

use super::ClosingStatements;

/// A running transaction; [`within!`](crate::within) runs statements in it.
#[derive(Debug)]
pub enum Tx<'c> {
    /// A transaction on SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// A transaction on PostgreSQL.
    Postgres(&'c mut PgConnection),
}

/// Outcome of a transaction without an error, and its answer.
#[derive(Debug)]
pub enum TransactionOutcome<T> {
    /// Commit the writes.
    Commit(T),
    /// Commit the writes together with these statements, which are sent with the commit. Rows that all replicas write
    /// to are locked only for the time of the commit.
    CommitWith(ClosingStatements<T>),
    /// Roll the writes back.
    Undo(T),
}

/// Returns the closure unchanged. The bound gives the compiler the closure's type, which
/// [`transaction!`](crate::transaction) needs.
#[doc(hidden)]
pub fn work<T, F: AsyncFn(Tx<'_>) -> Result<TransactionOutcome<T>, sqlx::Error>>(work: F) -> F {
    work
}
