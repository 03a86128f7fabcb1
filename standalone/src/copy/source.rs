//! Source of a copy: a database of exactly this version, without a running service, which is only read.

use db::DatabaseUrl;
use db::schema::{Schema, Table};
use futures_util::stream::BoxStream;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::applied;
use super::batch::TableRow;
use super::connection::{Connection, within};
use super::error::CopyError;
use super::file::StillFile;
use super::server::{self, DatabaseLock};
use super::sql;

/// An open source. All reads see the same state, and no service can start on the source.
#[derive(Debug)]
pub(super) struct CopySource {
    pub(super) name: String,
    pub(super) place: SourceIdentity,
    connection: Connection,
    schema: &'static Schema,
}

/// Identity of the source, for the check that the target is another database.
#[derive(Debug)]
pub(super) enum SourceIdentity {
    File(StillFile),
    Server(DatabaseLock),
}

impl CopySource {
    /// Opens the database of one of these services.
    ///
    /// # Errors
    /// [`CopyError`]; its text says what to do.
    pub(super) async fn open(url: &DatabaseUrl, schemas: &[&'static Schema]) -> Result<Self, CopyError> {
        let (name, mut connection, place) = match url {
            DatabaseUrl::Sqlite(path) => {
                let name = path.display().to_string();
                if !path.is_file() {
                    return Err(CopyError::Absent(name));
                }
                let (file, mut connection) = StillFile::open(path).await?;
                let loss = file.witness()?.loss(&mut connection).await;
                if let Some(sign) = loss.map_err(|error| CopyError::in_database(&name, &error))? {
                    return Err(CopyError::Lost(name, sign));
                }
                (name, Connection::Sqlite(connection), SourceIdentity::File(file))
            }
            DatabaseUrl::Postgres(server) => {
                let name = server.to_string();
                let mut connection = server::connect(server).await?;
                let away = |error: sqlx::Error| CopyError::in_database(&name, &error);
                let mark = within(DatabaseLock::take(&mut connection)).await.map_err(away)?;
                let users = within(server::services_at(server, &mut connection)).await.map_err(away)?;
                if users > 0 {
                    return Err(CopyError::InUse(name, users));
                }
                (name, Connection::Postgres(connection), SourceIdentity::Server(mark))
            }
        };
        let schema = identify(&name, &mut connection, schemas).await?;
        let mut source = Self { name, place, connection, schema };
        source.hold().await.map_err(|error| CopyError::in_database(&source.name, &error))?;
        source.check_integrity().await?;
        Ok(source)
    }

    /// Returns the schema of the source's service.
    pub(super) fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// Returns the rows of this statement.
    ///
    /// # Errors
    /// [`CopyError`]; its text says what to do.
    pub(super) async fn fetch_all<T>(&mut self, sql: &'static str) -> Result<Vec<T>, CopyError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        self.connection.fetch_all(sql).await.map_err(|error| CopyError::in_database(&self.name, &error))
    }

    pub(super) async fn count(&mut self, table: &'static Table) -> Result<i64, CopyError> {
        self.connection.count(table).await.map_err(|error| CopyError::in_table(&self.name, table, &error))
    }

    pub(super) fn rows(&mut self, table: &'static Table) -> BoxStream<'_, Result<TableRow, sqlx::Error>> {
        self.connection.rows(table)
    }

    /// Fails if the source has changed during the copy.
    pub(super) fn check_still(&self) -> Result<(), CopyError> {
        match &self.place {
            SourceIdentity::File(file) if file.has_changed() => Err(CopyError::Changed(self.name.clone())),
            SourceIdentity::File(_) | SourceIdentity::Server(_) => Ok(()),
        }
    }

    /// Begins the transaction of all reads; on PostgreSQL it also locks the tables against writes.
    async fn hold(&mut self) -> Result<(), sqlx::Error> {
        match &self.connection {
            Connection::Sqlite(_) => self.connection.run("begin").await,
            Connection::Postgres(_) => {
                self.connection.run("begin isolation level repeatable read read only").await?;
                // The lock precedes the snapshot, which the first query takes.
                self.connection.run(format!("lock table {} in share mode", sql::names(self.schema))).await
            }
        }
    }

    async fn check_integrity(&mut self) -> Result<(), CopyError> {
        let Connection::Sqlite(connection) = &mut self.connection else { return Ok(()) };
        let checked = db::check_integrity(connection).await;
        match checked.map_err(|error| CopyError::Damaged(self.name.clone(), error.to_string()))?.as_str() {
            "ok" => Ok(()),
            // The text has row numbers and names of tables and indexes, but no values.
            fault => Err(CopyError::Damaged(self.name.clone(), fault.to_owned())),
        }
    }
}

async fn identify(
    name: &str,
    connection: &mut Connection,
    schemas: &[&'static Schema],
) -> Result<&'static Schema, CopyError> {
    let applied = connection.applied().await.map_err(|error| CopyError::in_database(name, &error))?;
    let migrations = connection.migrations();
    let schema = applied::service(&applied, schemas, migrations).ok_or_else(|| CopyError::Foreign(name.to_owned()))?;
    applied::check(name, &applied, migrations(schema))?;
    Ok(schema)
}
