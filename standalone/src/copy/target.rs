//! Target of a copy: empty before the copy, and complete or still empty after it.

use std::time::Duration;

use db::schema::{Schema, Table};
use db::{DatabaseUrl, FileLock};
use tokio::time::Instant;

use super::batch::{RowBatch, TableRow};
use super::connection::{Connection, next_row, within};
use super::digest::TableDigest;
use super::error::CopyError;
use super::progress::Progress;
use super::source::{CopySource, SourceIdentity};
use super::value::ColumnValue;
use super::{applied, file, server, sql};

/// Pause between two progress reports of a long table.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// A value for a row of the target: bytes for a column that is null in the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Supplement<'a> {
    /// Name of the table.
    pub(super) table: &'static str,
    /// Text that identifies the row.
    pub(super) row: ColumnText<'a>,
    /// New value.
    pub(super) value: ColumnBytes<'a>,
}

/// Text in a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnText<'a> {
    pub(super) name: &'static str,
    pub(super) value: &'a str,
}

/// Bytes in a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnBytes<'a> {
    pub(super) name: &'static str,
    pub(super) value: &'a [u8],
}

/// A table whose rows are in the target.
#[derive(Clone, Copy, Debug)]
pub(super) struct CopiedTable {
    pub(super) name: &'static str,
    pub(super) digest: TableDigest,
}

/// An open target with empty tables.
#[derive(Debug)]
pub(super) struct CopyTarget {
    name: String,
    connection: Connection,
    schema: &'static Schema,
    _lock: Option<FileLock>,
}

/// A target with all rows of the source, read back and compared; still to be [committed](FilledTarget::commit).
#[derive(Debug)]
pub(super) struct FilledTarget {
    target: CopyTarget,
    tables: Vec<CopiedTable>,
}

impl CopyTarget {
    /// Opens the database; creates it and its tables if they are missing, as the source's service does.
    ///
    /// A database that is not empty, or belongs to another service, is refused before any write.
    ///
    /// # Errors
    /// [`CopyError`]; its text says what to do.
    pub(super) async fn open(
        url: &DatabaseUrl,
        source: &CopySource,
        schemas: &[&'static Schema],
    ) -> Result<Self, CopyError> {
        let schema = source.schema();
        match url {
            DatabaseUrl::Sqlite(path) => {
                let name = path.display().to_string();
                if let SourceIdentity::File(file) = &source.place
                    && file.is_at(path)
                {
                    return Err(CopyError::Same(name));
                }
                let lock = file::lock_to_fill(path).await?;
                if path.exists() {
                    let mut existing = Connection::Sqlite(file::open_still(path).await?);
                    check_target(&name, &mut existing, schema, schemas).await?;
                    existing.close().await.map_err(|error| CopyError::in_database(&name, &error))?;
                }
                let connection = db::open_to_fill(path, schema.migrations.sqlite).await?;
                Ok(Self { name, connection: Connection::Sqlite(connection), schema, _lock: Some(lock) })
            }
            DatabaseUrl::Postgres(server) => {
                let name = server.to_string();
                let mut connection = server::connect(server).await?;
                if let SourceIdentity::Server(mark) = &source.place
                    && within(mark.is_at(&mut connection))
                        .await
                        .map_err(|error| CopyError::in_database(&name, &error))?
                {
                    return Err(CopyError::Same(name));
                }
                let mut connection = Connection::Postgres(connection);
                check_target(&name, &mut connection, schema, schemas).await?;
                server::migrate(server, &schema.migrations).await?;
                Ok(Self { name, connection, schema, _lock: None })
            }
        }
    }

    /// Writes all rows of the source, with these supplements, in one transaction, and reads them back.
    ///
    /// # Errors
    /// [`CopyError`]; its text says what to do. Then nothing is kept.
    pub(super) async fn fill(
        mut self,
        source: &mut CopySource,
        supplements: &[Supplement<'_>],
        say: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<FilledTarget, CopyError> {
        self.begin().await?;
        let mut tables = Vec::new();
        for table in self.schema.tables {
            let supplements: Vec<_> = supplements.iter().filter(|one| one.table == table.name).collect();
            let digest = self.copy(source, table, &supplements, say).await?;
            say(Progress::Copied { table: table.name, digest });
            tables.push(CopiedTable { name: table.name, digest });
        }
        source.check_still()?;
        for (table, copied) in self.schema.tables.iter().zip(&tables) {
            self.verify(table, copied.digest).await?;
            say(Progress::Verified { table: table.name });
        }
        Ok(FilledTarget { target: self, tables })
    }

    /// Begins the transaction, which excludes other writers, and checks again that the tables are empty.
    async fn begin(&mut self) -> Result<(), CopyError> {
        let begun = match &self.connection {
            Connection::Sqlite(_) => self.connection.run("begin immediate").await,
            Connection::Postgres(_) => {
                let lock = format!("lock table {} in access exclusive mode", sql::names(self.schema));
                match self.connection.run("begin").await {
                    Ok(()) => self.connection.run(lock).await,
                    error => error,
                }
            }
        };
        begun.map_err(|error| CopyError::in_database(&self.name, &error))?;
        check_empty(&self.name, &mut self.connection, self.schema).await
    }

    async fn copy(
        &mut self,
        source: &mut CopySource,
        table: &'static Table,
        supplements: &[&Supplement<'_>],
        say: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<TableDigest, CopyError> {
        let total = u64::try_from(source.count(table).await?).unwrap_or_default();
        let from = source.name.clone();
        let unread = |error: sqlx::Error| CopyError::in_table(&from, table, &error);
        let (mut digest, mut batch, mut said) = (TableDigest::default(), RowBatch::default(), Instant::now());
        let mut rows = source.rows(table);
        while let Some(mut row) = next_row(&mut rows).await.map_err(unread)? {
            for one in supplements {
                one.apply(table, &mut row);
            }
            digest.add(&row);
            batch.push(row);
            if batch.is_full() {
                self.insert(table, &mut batch).await?;
                if said.elapsed() >= PROGRESS_INTERVAL {
                    say(Progress::Copying { table: table.name, rows: digest.rows(), total });
                    said = Instant::now();
                }
            }
        }
        self.insert(table, &mut batch).await?;
        Ok(digest)
    }

    async fn insert(&mut self, table: &'static Table, batch: &mut RowBatch) -> Result<(), CopyError> {
        let Some(rows) = batch.take() else { return Ok(()) };
        let inserted = self.connection.insert(table, rows).await;
        inserted.map_err(|error| CopyError::in_table(&self.name, table, &error))
    }

    async fn verify(&mut self, table: &'static Table, written: TableDigest) -> Result<(), CopyError> {
        let unread = |error: sqlx::Error| CopyError::in_table(&self.name, table, &error);
        let mut found = TableDigest::default();
        let mut rows = self.connection.rows(table);
        while let Some(row) = next_row(&mut rows).await.map_err(unread)? {
            found.add(&row);
        }
        if found == written {
            return Ok(());
        }
        Err(CopyError::Differs { name: self.name.clone(), table: table.name, written, found })
    }
}

impl FilledTarget {
    /// Commits, and returns the tables.
    ///
    /// # Errors
    /// [`CopyError`]; its text says what to do.
    pub(super) async fn commit(self) -> Result<Vec<CopiedTable>, CopyError> {
        let Self { target: CopyTarget { name, mut connection, _lock, .. }, tables } = self;
        connection.run("commit").await.map_err(|error| match error {
            sqlx::Error::Database(cause) => CopyError::Unfit(name, cause.message().to_owned()),
            error => CopyError::Unknown(name, error.to_string()),
        })?;
        // The commit is done, even if the close fails.
        let _ = connection.close().await;
        Ok(tables)
    }
}

/// Checks that a database is a possible target, without writing to it.
async fn check_target(
    name: &str,
    connection: &mut Connection,
    schema: &'static Schema,
    schemas: &[&'static Schema],
) -> Result<(), CopyError> {
    let applied = connection.applied().await.map_err(|error| CopyError::in_database(name, &error))?;
    if applied.is_empty() {
        return Ok(());
    }
    let migrations = connection.migrations();
    match applied::service(&applied, schemas, migrations) {
        Some(other) if other.service != schema.service => {
            return Err(CopyError::Another(name.to_owned(), other.service, schema.service));
        }
        // An older version is migrated to this one.
        _ => match applied::check(name, &applied, migrations(schema)) {
            Ok(()) | Err(CopyError::Older(..)) => {}
            Err(error) => return Err(error),
        },
    }
    check_empty(name, connection, schema).await
}

async fn check_empty(name: &str, connection: &mut Connection, schema: &'static Schema) -> Result<(), CopyError> {
    for table in schema.tables {
        let rows =
            async { if connection.has_table(table.name).await? { connection.count(table).await } else { Ok(0) } };
        let rows = rows.await.map_err(|error| CopyError::in_table(name, table, &error))?;
        if rows > 0 {
            return Err(CopyError::NotEmpty(name.to_owned(), table.name, rows));
        }
    }
    Ok(())
}

impl Supplement<'_> {
    /// Sets the value in the row, if the row is the right one and its column is null.
    fn apply(&self, table: &Table, row: &mut TableRow) {
        let at = |name: &str| table.columns.iter().position(|column| column.name == name);
        let (Some(key), Some(value)) = (at(self.row.name), at(self.value.name)) else { return };
        let is_meant = matches!(row.get(key), Some(ColumnValue::Text(Some(text))) if text == self.row.value);
        if let Some(ColumnValue::Bytes(empty @ None)) = row.get_mut(value).filter(|_| is_meant) {
            *empty = Some(self.value.value.to_vec());
        }
    }
}
