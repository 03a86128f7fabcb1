//! Reads of rows that need few hops between threads.
//!
//! sqlx hands each row of a file from the connection's thread to the call. Such a read of fifty rows costs more than
//! their conversion. [`Db::select`] converts the rows of a file on the thread that reads them. The macro
//! [`read!`](crate::read) is for all other reads.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, FromRow};

use crate::{Db, Postgres, SqlStatement, SqlValue, StoreError, WorkKind};

/// A row of a file.
pub type FileRow<'r> = rusqlite::Row<'r>;

/// Reason why a row of a file cannot be converted.
pub type FileRowError = rusqlite::Error;

/// A row that [`Db::select`] reads from either engine.
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

impl Db {
    /// Returns the rows of a statement that reads.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn select<T: ReadRow>(&self, statement: SqlStatement) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(db) => db.work().measure(WorkKind::Read, db.select(statement)).await,
            Self::Postgres(db) => db.select(&statement).await,
        }
    }
}

impl Postgres {
    async fn select<T: ReadRow>(&self, statement: &SqlStatement) -> Result<Vec<T>, StoreError> {
        let mut tries = self.read_retries();
        loop {
            let read = async {
                let mut lease = self.lease_reader().await?;
                let values = values(statement)?;
                let rows = sqlx::query_as_with(statement.sql, values).fetch_all(lease.connection());
                let read = self.limit_read(rows).await;
                lease.end(read)
            };
            match self.work().measure(WorkKind::Read, read).await {
                Err(error) if tries.once_more(&error) => {}
                read => return read.map_err(StoreError::from),
            }
        }
    }
}

fn values(statement: &SqlStatement) -> Result<PgArguments, sqlx::Error> {
    let mut values = PgArguments::default();
    for value in &statement.values {
        let added = match value {
            SqlValue::Uuid(value) => values.add(*value),
            SqlValue::Text(value) => values.add(value.as_str()),
            SqlValue::Bytes(value) => values.add(value.as_slice()),
            SqlValue::Integer(value) => values.add(*value),
            SqlValue::Time(value) => values.add(*value),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(values)
}
