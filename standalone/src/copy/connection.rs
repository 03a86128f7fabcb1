//! A connection of either engine, and what a copy asks of both in the same words.

use std::time::Duration;

use db::schema::{Schema, Table};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::migrate::{AppliedMigration, Migrate as _, MigrateError, Migrator};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, FromRow, PgConnection, SqliteConnection};
use tokio::time::timeout;

use super::batch::Row;
use super::value::Value;
use super::{file, server, sql};

/// How long one batch, or the wait for the next row, may take: a network that loses everything says nothing of it.
const STEP: Duration = Duration::from_mins(1);

/// How long a server may count a table, for which it walks through it.
const COUNT: Duration = Duration::from_mins(10);

/// Where the driver keeps what it has applied.
const MIGRATIONS: &str = "_sqlx_migrations";

/// A connection that a copy has for itself.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    /// The service's migrations for this engine.
    pub(super) fn migrations(&self) -> fn(&Schema) -> &'static Migrator {
        match self {
            Self::Sqlite(_) => |schema| schema.migrations.sqlite,
            Self::Postgres(_) => |schema| schema.migrations.postgres,
        }
    }

    /// The migrations that the database has.
    pub(super) async fn applied(&mut self) -> Result<Vec<AppliedMigration>, sqlx::Error> {
        if !self.has(MIGRATIONS).await? {
            return Ok(Vec::new());
        }
        let applied = match self {
            Self::Sqlite(connection) => connection.list_applied_migrations(MIGRATIONS).await,
            Self::Postgres(connection) => connection.list_applied_migrations(MIGRATIONS).await,
        };
        applied.map_err(|error| match error {
            MigrateError::Execute(error) => error,
            other => sqlx::Error::Migrate(Box::new(other)),
        })
    }

    /// Whether the database has a table of this name.
    pub(super) async fn has(&mut self, table: &str) -> Result<bool, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => file::has_table(connection, table).await,
            Self::Postgres(connection) => within(server::has_table(connection, table)).await,
        }
    }

    /// Runs statements that answer nothing.
    pub(super) async fn run(&mut self, sql: impl Into<String>) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Self::Sqlite(connection) => within(connection.execute(sql)).await.map(drop),
            Self::Postgres(connection) => within(connection.execute(sql)).await.map(drop),
        }
    }

    /// How many rows the table has.
    pub(super) async fn count(&mut self, table: &Table) -> Result<i64, sqlx::Error> {
        let query = AssertSqlSafe(sql::count(table));
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_one(connection).await,
            Self::Postgres(connection) => limited(COUNT, sqlx::query_scalar(query).fetch_one(connection)).await,
        }
    }

    /// What this statement finds.
    pub(super) async fn found<T>(&mut self, sql: &'static str) -> Result<Vec<T>, sqlx::Error>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        match self {
            Self::Sqlite(connection) => sqlx::query_as(sql).fetch_all(connection).await,
            Self::Postgres(connection) => within(sqlx::query_as(sql).fetch_all(connection)).await,
        }
    }

    /// The table's rows, in no order, as they come.
    pub(super) fn rows(&mut self, table: &'static Table) -> BoxStream<'_, Result<Row, sqlx::Error>> {
        let query = AssertSqlSafe(sql::select(table));
        let columns = || table.columns.iter().map(|column| column.kind).enumerate();
        match self {
            Self::Sqlite(connection) => sqlx::query(query)
                .fetch(connection)
                .map(move |row| row.and_then(|row| columns().map(|(at, kind)| Value::read(&row, at, kind)).collect()))
                .boxed(),
            Self::Postgres(connection) => sqlx::query(query)
                .fetch(connection)
                .map(move |row| row.and_then(|row| columns().map(|(at, kind)| Value::read(&row, at, kind)).collect()))
                .boxed(),
        }
    }

    /// Writes the rows.
    pub(super) async fn insert(&mut self, table: &Table, rows: Vec<Row>) -> Result<(), sqlx::Error> {
        let query = AssertSqlSafe(sql::insert(table, rows.len()));
        let values = rows.into_iter().flatten();
        match self {
            Self::Sqlite(connection) => {
                within(values.fold(sqlx::query(query), Value::bind).execute(connection)).await.map(drop)
            }
            Self::Postgres(connection) => {
                within(values.fold(sqlx::query(query), Value::bind).execute(connection)).await.map(drop)
            }
        }
    }

    /// Closes the connection; what is not committed is undone.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => within(connection.close()).await,
        }
    }
}

/// The next row, if it comes in time.
pub(super) async fn next(rows: &mut BoxStream<'_, Result<Row, sqlx::Error>>) -> Result<Option<Row>, sqlx::Error> {
    within(async { rows.next().await.transpose() }).await
}

/// The answer, if it comes in time.
pub(super) async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    limited(STEP, work).await
}

async fn limited<T>(limit: Duration, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}
