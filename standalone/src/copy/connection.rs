//! A connection of either engine, with the statements of a copy.

use std::time::Duration;

use db::schema::{Schema, Table};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::migrate::{AppliedMigration, Migrate as _, MigrateError, Migrator};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, FromRow, PgConnection, SqliteConnection};
use tokio::time::timeout;

use super::batch::TableRow;
use super::value::ColumnValue;
use super::{file, server, sql};

/// Time limit of one batch and of the wait for the next row; detects a network that loses all packets.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);

/// Time limit of a count of rows, for which the server scans the table.
const COUNT_TIMEOUT: Duration = Duration::from_mins(10);

/// Table of the applied migrations.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

/// A connection that a copy uses alone.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    /// Returns a function from a schema to its migrations for this engine.
    pub(super) fn migrations(&self) -> fn(&Schema) -> &'static Migrator {
        match self {
            Self::Sqlite(_) => |schema| schema.migrations.sqlite,
            Self::Postgres(_) => |schema| schema.migrations.postgres,
        }
    }

    /// Returns the applied migrations.
    pub(super) async fn applied(&mut self) -> Result<Vec<AppliedMigration>, sqlx::Error> {
        if !self.has_table(MIGRATIONS_TABLE).await? {
            return Ok(Vec::new());
        }
        let applied = match self {
            Self::Sqlite(connection) => connection.list_applied_migrations(MIGRATIONS_TABLE).await,
            Self::Postgres(connection) => connection.list_applied_migrations(MIGRATIONS_TABLE).await,
        };
        applied.map_err(|error| match error {
            MigrateError::Execute(error) => error,
            other => sqlx::Error::Migrate(Box::new(other)),
        })
    }

    /// Returns true if the database has a table of this name.
    pub(super) async fn has_table(&mut self, table: &str) -> Result<bool, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => file::has_table(connection, table).await,
            Self::Postgres(connection) => within(server::has_table(connection, table)).await,
        }
    }

    /// Runs statements without rows.
    pub(super) async fn run(&mut self, sql: impl Into<String>) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Self::Sqlite(connection) => within(connection.execute(sql)).await.map(drop),
            Self::Postgres(connection) => within(connection.execute(sql)).await.map(drop),
        }
    }

    /// Returns the number of rows of the table.
    pub(super) async fn count(&mut self, table: &Table) -> Result<i64, sqlx::Error> {
        let query = AssertSqlSafe(sql::count(table));
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_one(connection).await,
            Self::Postgres(connection) => limited(COUNT_TIMEOUT, sqlx::query_scalar(query).fetch_one(connection)).await,
        }
    }

    /// Returns the rows of this statement.
    pub(super) async fn fetch_all<T>(&mut self, sql: &'static str) -> Result<Vec<T>, sqlx::Error>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        match self {
            Self::Sqlite(connection) => sqlx::query_as(sql).fetch_all(connection).await,
            Self::Postgres(connection) => within(sqlx::query_as(sql).fetch_all(connection)).await,
        }
    }

    /// Returns a stream of the table's rows, in no order.
    pub(super) fn rows(&mut self, table: &'static Table) -> BoxStream<'_, Result<TableRow, sqlx::Error>> {
        let query = AssertSqlSafe(sql::select(table));
        let columns = || table.columns.iter().map(|column| column.kind).enumerate();
        match self {
            Self::Sqlite(connection) => sqlx::query(query)
                .fetch(connection)
                .map(move |row| {
                    row.and_then(|row| columns().map(|(at, kind)| ColumnValue::read(&row, at, kind)).collect())
                })
                .boxed(),
            Self::Postgres(connection) => sqlx::query(query)
                .fetch(connection)
                .map(move |row| {
                    row.and_then(|row| columns().map(|(at, kind)| ColumnValue::read(&row, at, kind)).collect())
                })
                .boxed(),
        }
    }

    /// Writes the rows.
    pub(super) async fn insert(&mut self, table: &Table, rows: Vec<TableRow>) -> Result<(), sqlx::Error> {
        let query = AssertSqlSafe(sql::insert(table, rows.len()));
        let values = rows.into_iter().flatten();
        match self {
            Self::Sqlite(connection) => {
                within(values.fold(sqlx::query(query), ColumnValue::bind).execute(connection)).await.map(drop)
            }
            Self::Postgres(connection) => {
                within(values.fold(sqlx::query(query), ColumnValue::bind).execute(connection)).await.map(drop)
            }
        }
    }

    /// Closes the connection; an open transaction is rolled back.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => within(connection.close()).await,
        }
    }
}

/// Returns the next row, within the time limit.
pub(super) async fn next_row(
    rows: &mut BoxStream<'_, Result<TableRow, sqlx::Error>>,
) -> Result<Option<TableRow>, sqlx::Error> {
    within(async { rows.next().await.transpose() }).await
}

/// Returns the answer, within the time limit.
pub(super) async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    limited(STATEMENT_TIMEOUT, work).await
}

async fn limited<T>(limit: Duration, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}
