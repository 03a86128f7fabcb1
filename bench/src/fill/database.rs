//! A database that is filled while no service has it open.

use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use super::SqlDialect;
use crate::Failure;

/// KiB of the page cache while a SQLite file is filled.
const FILL_CACHE_KIB: u32 = 262_144;

/// A database that is filled while no service has it open.
#[derive(Clone, Debug)]
pub enum FilledDatabase {
    /// Path of a SQLite file.
    Sqlite(PathBuf),
    /// URL of a database on a server.
    Postgres(String),
}

impl FilledDatabase {
    /// Returns the engine's SQL.
    pub fn dialect(&self) -> SqlDialect {
        match self {
            Self::Sqlite(_) => SqlDialect::Sqlite,
            Self::Postgres(_) => SqlDialect::Postgres,
        }
    }

    /// Runs these statements in one transaction. A SQLite file has no journal meanwhile, so a failure leaves it useless.
    ///
    /// # Errors
    /// Fails if the database refuses a statement.
    pub async fn run(&self, statements: &[String]) -> Result<(), Failure> {
        match self {
            Self::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).foreign_keys(false);
                let mut database: SqliteConnection = options
                    .pragma("synchronous", "off")
                    .pragma("cache_size", format!("-{FILL_CACHE_KIB}"))
                    .disable_statement_logging()
                    .connect()
                    .await?;
                // A file in WAL mode leaves it here: no other connection has it open.
                let mode: String = sqlx::query_scalar("pragma journal_mode = off").fetch_one(&mut database).await?;
                if mode != "off" {
                    return Err(format!("{} is open in another program: stop it first", file.display()).into());
                }
                database.execute("begin").await?;
                for statement in statements {
                    database.execute(AssertSqlSafe(statement.clone())).await?;
                }
                database.execute("commit").await?;
                database.execute("pragma journal_mode = wal").await?;
                Ok(database.close().await?)
            }
            Self::Postgres(url) => {
                let mut database = PgConnection::connect(url).await?;
                let mut transaction = database.begin().await?;
                for statement in statements {
                    transaction.execute(AssertSqlSafe(statement.clone())).await?;
                }
                transaction.commit().await?;
                Ok(database.close().await?)
            }
        }
    }

    /// Updates the planner's statistics and the map of visible rows, as a server does by itself after a while. Does
    /// nothing on SQLite.
    ///
    /// # Errors
    /// Fails if the server refuses it.
    pub async fn settle(&self) -> Result<(), Failure> {
        if let Self::Postgres(url) = self {
            let mut database = PgConnection::connect(url).await?;
            database.execute("vacuum analyze").await?;
            database.execute("checkpoint").await?;
            database.close().await?;
        }
        Ok(())
    }

    /// Applies the migrations in this folder up to `last`, as an earlier release did.
    ///
    /// # Errors
    /// Fails if the database refuses a migration.
    pub async fn migrate(&self, folder: &Path, last: i64) -> Result<(), Failure> {
        let all = Migrator::new(folder).await?;
        match self {
            Self::Sqlite(file) => {
                let mut database = SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await?;
                all.run_direct(Some(last), &mut database, false).await?;
                Ok(database.close().await?)
            }
            Self::Postgres(url) => {
                let mut database = PgConnection::connect(url).await?;
                all.run_direct(Some(last), &mut database, false).await?;
                Ok(database.close().await?)
            }
        }
    }

    /// Opens a connection that reads. A service may have the database open.
    ///
    /// # Errors
    /// Fails if the database is missing.
    pub async fn reader(&self) -> Result<DatabaseReader, Failure> {
        Ok(match self {
            Self::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file).read_only(true);
                DatabaseReader::Sqlite(options.disable_statement_logging().connect().await?)
            }
            Self::Postgres(url) => DatabaseReader::Postgres(PgConnection::connect(url).await?),
        })
    }

    /// Returns the text of a query with one row and one column. A service may have the database open.
    ///
    /// # Errors
    /// Fails if the database refuses the query, or has no row for it.
    pub async fn text(&self, query: &str) -> Result<String, Failure> {
        let mut reader = self.reader().await?;
        let text = reader.text(query).await?;
        reader.close().await?;
        Ok(text)
    }

    /// Returns the bytes of the database, with its indexes.
    ///
    /// # Errors
    /// Fails if the database is missing.
    pub async fn bytes(&self) -> Result<u64, Failure> {
        match self {
            Self::Sqlite(file) => Ok(std::fs::metadata(file)?.len()),
            Self::Postgres(_) => Ok(self.text("select pg_database_size(current_database())::text").await?.parse()?),
        }
    }
}

/// A connection that reads beside a service.
#[derive(Debug)]
pub enum DatabaseReader {
    /// A connection to a SQLite file.
    Sqlite(SqliteConnection),
    /// A connection to a server.
    Postgres(PgConnection),
}

impl DatabaseReader {
    /// Returns the text of a query with one row and one column.
    ///
    /// # Errors
    /// Fails if the database refuses the query, or has no row for it.
    pub async fn text(&mut self, query: &str) -> Result<String, Failure> {
        let query = AssertSqlSafe(query.to_owned());
        Ok(match self {
            Self::Sqlite(database) => sqlx::query_scalar(query).fetch_one(database).await?,
            Self::Postgres(database) => sqlx::query_scalar(query).fetch_one(database).await?,
        })
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// Fails if the connection has ended.
    pub async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(database) => Ok(database.close().await?),
            Self::Postgres(database) => Ok(database.close().await?),
        }
    }
}
