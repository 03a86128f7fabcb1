//! The database that is copied: in nobody's use, of exactly this version, and not written to.

use db::DatabaseUrl;
use db::schema::{Schema, Table};
use futures_util::stream::BoxStream;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::applied;
use super::batch::Row;
use super::connection::{Connection, within};
use super::error::CopyError;
use super::file::StillFile;
use super::server::{self, Mark};
use super::sql;

/// An open source. All that is read of it is of one moment, and no service can start on it meanwhile.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) place: Place,
    connection: Connection,
    schema: &'static Schema,
}

/// What tells the source from a target that is the same database.
#[derive(Debug)]
pub(super) enum Place {
    File(StillFile),
    Server(Mark),
}

impl Source {
    /// Opens the database of one of these services.
    ///
    /// # Errors
    /// [`CopyError`], whose text says what to do.
    pub(super) async fn open(url: &DatabaseUrl, schemas: &[&'static Schema]) -> Result<Self, CopyError> {
        let (name, mut connection, place) = match url {
            DatabaseUrl::Sqlite(path) => {
                let name = path.display().to_string();
                if !path.is_file() {
                    return Err(CopyError::Absent(name));
                }
                let (file, connection) = StillFile::open(path).await?;
                (name, Connection::Sqlite(connection), Place::File(file))
            }
            DatabaseUrl::Postgres(server) => {
                let name = server.to_string();
                let mut connection = server::connect(server).await?;
                let away = |error: sqlx::Error| CopyError::away(&name, &error);
                let mark = within(Mark::set(&mut connection)).await.map_err(away)?;
                let users = within(server::services_at(server, &mut connection)).await.map_err(away)?;
                if users > 0 {
                    return Err(CopyError::InUse(name, users));
                }
                (name, Connection::Postgres(connection), Place::Server(mark))
            }
        };
        let schema = identify(&name, &mut connection, schemas).await?;
        let mut source = Self { name, place, connection, schema };
        source.hold().await.map_err(|error| CopyError::away(&source.name, &error))?;
        source.check_integrity().await?;
        Ok(source)
    }

    /// Whose database it is.
    pub(super) fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// What this statement finds in it.
    ///
    /// # Errors
    /// [`CopyError`], whose text says what to do.
    pub(super) async fn found<T>(&mut self, sql: &'static str) -> Result<Vec<T>, CopyError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        self.connection.found(sql).await.map_err(|error| CopyError::away(&self.name, &error))
    }

    pub(super) async fn count(&mut self, table: &'static Table) -> Result<i64, CopyError> {
        self.connection.count(table).await.map_err(|error| CopyError::of(&self.name, table, &error))
    }

    pub(super) fn rows(&mut self, table: &'static Table) -> BoxStream<'_, Result<Row, sqlx::Error>> {
        self.connection.rows(table)
    }

    /// Whether all that was read was of one moment.
    pub(super) fn check_still(&self) -> Result<(), CopyError> {
        match &self.place {
            Place::File(file) if file.has_changed() => Err(CopyError::Changed(self.name.clone())),
            Place::File(_) | Place::Server(_) => Ok(()),
        }
    }

    /// From here on nothing changes: neither for us, nor, where the engine can do that, for others.
    async fn hold(&mut self) -> Result<(), sqlx::Error> {
        match &self.connection {
            Connection::Sqlite(_) => self.connection.run("begin").await,
            Connection::Postgres(_) => {
                self.connection.run("begin isolation level repeatable read read only").await?;
                // Before the snapshot, which the first question takes.
                self.connection.run(format!("lock table {} in share mode", sql::names(self.schema))).await
            }
        }
    }

    async fn check_integrity(&mut self) -> Result<(), CopyError> {
        let Connection::Sqlite(connection) = &mut self.connection else { return Ok(()) };
        let checked = db::check_integrity(connection).await;
        match checked.map_err(|error| CopyError::Damaged(self.name.clone(), error.to_string()))?.as_str() {
            "ok" => Ok(()),
            // Row numbers, and names of tables and indexes.
            fault => Err(CopyError::Damaged(self.name.clone(), fault.to_owned())),
        }
    }
}

async fn identify(
    name: &str,
    connection: &mut Connection,
    schemas: &[&'static Schema],
) -> Result<&'static Schema, CopyError> {
    let applied = connection.applied().await.map_err(|error| CopyError::away(name, &error))?;
    let migrations = connection.migrations();
    let schema = applied::service(&applied, schemas, migrations).ok_or_else(|| CopyError::Foreign(name.to_owned()))?;
    applied::check(name, &applied, migrations(schema))?;
    Ok(schema)
}
