//! Rows that [`Db::select`](crate::Db::select) and [`Watcher::select`](crate::Watcher::select) read with few hops
//! between threads.
//!
//! sqlx hands each row of a file from the connection's thread to the call, which costs more than the row's conversion.
//! So these rows of a file are converted on the thread that reads them.

use sqlx::FromRow;
use sqlx::postgres::PgRow;

/// A row of a file.
pub type FileRow<'r> = rusqlite::Row<'r>;

/// Reason why a row of a file cannot be converted.
pub type FileRowError = rusqlite::Error;

/// A row that [`Db::select`](crate::Db::select) reads from either engine.
pub trait ReadRow: Sized + Send + Unpin + for<'r> FromRow<'r, PgRow> + 'static {
    /// Converts a row of a file.
    ///
    /// # Errors
    /// A column is missing or has another type.
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError>;
}

impl ReadRow for (i64,) {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok((row.get(0)?,))
    }
}
