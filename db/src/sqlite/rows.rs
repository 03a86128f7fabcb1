//! Connections that convert the rows of a file on the thread that reads them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::SecondsFormat;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};
use tokio::task::spawn_blocking;

use super::limits::{BUSY_TIMEOUT, READER_CACHE_KIB};
use super::places::Places;
use crate::{FileRowError, ReadRow, SqlStatement, SqlValue, StoreError};

/// Number of prepared statements of a connection: more than the statements of a store that are read by row.
const PREPARED_STATEMENTS: usize = 32;

/// The connections, each of which is opened on its first use.
#[derive(Clone, Debug)]
pub(super) struct RowReaders(Arc<IdleConnections>);

#[derive(Debug)]
struct IdleConnections {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl RowReaders {
    /// Creates connections to this file.
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(IdleConnections { path, idle: Mutex::default() }))
    }

    /// Returns the rows of a statement. An abandoned call keeps its place until its statement has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn select<T: ReadRow>(
        &self,
        places: &Places,
        statement: SqlStatement,
    ) -> Result<Vec<T>, StoreError> {
        let place = places.take().await?;
        let connections = Arc::clone(&self.0);
        let read = spawn_blocking(move || {
            let idle = connections.idle().pop();
            let connection = idle.map_or_else(|| open_reader(&connections.path), Ok)?;
            let rows = rows(&connection, &statement);
            connections.idle().push(connection);
            drop(place);
            rows
        });
        Ok(read.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
    }

    /// Returns the number of connections without a statement.
    pub(super) fn idle(&self) -> usize {
        self.0.idle().len()
    }

    /// Closes every connection. No place is taken any more.
    pub(super) fn close(&self) {
        self.0.idle().clear();
    }
}

impl IdleConnections {
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection that reads the file. It may be used on any thread, but on one at a time.
pub(super) fn open_reader(path: &Path) -> Result<Connection, FileRowError> {
    // Only one thread at a time uses the connection, so SQLite needs no mutex.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    Ok(connection)
}

/// Returns the rows of a statement.
pub(super) fn rows<T: ReadRow>(connection: &Connection, statement: &SqlStatement) -> Result<Vec<T>, FileRowError> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    for place in 1..=prepared.parameter_count() {
        // SQLite numbers `$1` and `$2` in the order of their first use.
        let name = prepared.parameter_name(place).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = name.and_then(|number| statement.values.get(number.checked_sub(1)?));
        let value = value.ok_or(FileRowError::InvalidParameterCount(place, statement.values.len()))?;
        prepared.raw_bind_parameter(place, value)?;
    }
    let mut found = prepared.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(T::from_file(row)?);
    }
    Ok(rows)
}

impl ToSql for SqlValue {
    /// Returns the value in the form in which sqlx writes it.
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, FileRowError> {
        Ok(match self {
            Self::Uuid(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value.as_bytes())),
            Self::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Self::Bytes(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
            Self::Integer(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Self::Time(value) => ToSqlOutput::Owned(Value::Text(value.to_rfc3339_opts(SecondsFormat::AutoSi, false))),
        })
    }
}
