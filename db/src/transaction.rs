//! A transaction on either engine, and its outcome.

use sqlx::{PgConnection, SqliteConnection};

use super::Closing;

/// A transaction that is running; [`within!`](crate::within) runs statements in it.
#[derive(Debug)]
pub enum Tx<'c> {
    /// Of a file.
    Sqlite(&'c mut SqliteConnection),
    /// Of a server.
    Postgres(&'c mut PgConnection),
}

/// How a transaction ends that met no error, and what it answers then.
#[derive(Debug)]
pub enum Verdict<T> {
    /// What it wrote stands.
    Commit(T),
    /// What it wrote stands, together with what these statements write. They are sent with the commit: rows that all replicas
    /// write to are locked for no longer than the commit takes.
    CommitWith(Closing<T>),
    /// What it wrote is undone.
    Undo(T),
}

/// Returns the closure as it is, and tells the compiler its form: for [`transaction!`](crate::transaction).
#[doc(hidden)]
pub fn work<T, F: AsyncFn(Tx<'_>) -> Result<Verdict<T>, sqlx::Error>>(work: F) -> F {
    work
}
