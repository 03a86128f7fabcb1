//! The database that is written to: empty before, and afterwards either whole or empty still.

use std::time::Duration;

use db::schema::{Schema, Table};
use db::{DatabaseUrl, FileLock};
use tokio::time::Instant;

use super::batch::{Batch, Row};
use super::connection::{Connection, next, within};
use super::digest::Digest;
use super::error::CopyError;
use super::progress::Progress;
use super::source::{Place, Source};
use super::value::Value;
use super::{applied, file, server, sql};

/// How often a long table says how far it is.
const SAY: Duration = Duration::from_secs(2);

/// What a row of the target gets that it lacks in the source: the value of a column of bytes that is null there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Supplement<'a> {
    /// The table.
    pub(super) table: &'static str,
    /// A text column, and the row's value in it.
    pub(super) of: (&'static str, &'a str),
    /// The column, and its value.
    pub(super) value: (&'static str, &'a [u8]),
}

/// An open target: it has its tables, and no row in them.
#[derive(Debug)]
pub(super) struct Target {
    name: String,
    connection: Connection,
    schema: &'static Schema,
    _lock: Option<FileLock>,
}

/// A target that holds all of its source, read back and the same: it counts once it is [committed](Filled::commit).
#[derive(Debug)]
pub(super) struct Filled {
    target: Target,
    tables: Vec<(&'static str, Digest)>,
}

impl Target {
    /// Opens the database, makes it and its tables where they are missing, as the source's service would. What is not
    /// empty, or of another service, is refused before anything is written.
    ///
    /// # Errors
    /// [`CopyError`], whose text says what to do.
    pub(super) async fn open(
        url: &DatabaseUrl,
        source: &Source,
        schemas: &[&'static Schema],
    ) -> Result<Self, CopyError> {
        let schema = source.schema();
        match url {
            DatabaseUrl::Sqlite(path) => {
                let name = path.display().to_string();
                if let Place::File(file) = &source.place
                    && file.is_at(path)
                {
                    return Err(CopyError::Same(name));
                }
                let lock = file::lock_to_fill(path).await?;
                if path.exists() {
                    let mut looking = Connection::Sqlite(file::open_still(path).await?);
                    look(&name, &mut looking, schema, schemas).await?;
                    looking.close().await.map_err(|error| CopyError::away(&name, &error))?;
                }
                let connection = db::open_to_fill(path, schema.migrations.sqlite).await?;
                Ok(Self { name, connection: Connection::Sqlite(connection), schema, _lock: Some(lock) })
            }
            DatabaseUrl::Postgres(server) => {
                let name = server.to_string();
                let mut connection = server::connect(server).await?;
                if let Place::Server(mark) = &source.place
                    && within(mark.is_at(&mut connection)).await.map_err(|error| CopyError::away(&name, &error))?
                {
                    return Err(CopyError::Same(name));
                }
                let mut connection = Connection::Postgres(connection);
                look(&name, &mut connection, schema, schemas).await?;
                server::migrate(server, &schema.migrations).await?;
                Ok(Self { name, connection, schema, _lock: None })
            }
        }
    }

    /// Writes all that the source holds, supplemented so, in one transaction, and reads it back.
    ///
    /// # Errors
    /// [`CopyError`], whose text says what to do; then nothing is kept.
    pub(super) async fn fill(
        mut self,
        source: &mut Source,
        supplements: &[Supplement<'_>],
        say: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Filled, CopyError> {
        self.begin().await?;
        let mut tables = Vec::new();
        for table in self.schema.tables {
            let supplements: Vec<_> = supplements.iter().filter(|one| one.table == table.name).collect();
            let digest = self.copy(source, table, &supplements, say).await?;
            say(Progress::Copied { table: table.name, digest });
            tables.push((table.name, digest));
        }
        source.check_still()?;
        for (table, (_, written)) in self.schema.tables.iter().zip(&tables) {
            self.verify(table, *written).await?;
            say(Progress::Verified { table: table.name });
        }
        Ok(Filled { target: self, tables })
    }

    /// Begins the transaction, and looks again now that nobody else can write.
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
        begun.map_err(|error| CopyError::away(&self.name, &error))?;
        check_empty(&self.name, &mut self.connection, self.schema).await
    }

    async fn copy(
        &mut self,
        source: &mut Source,
        table: &'static Table,
        supplements: &[&Supplement<'_>],
        say: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Digest, CopyError> {
        let of = u64::try_from(source.count(table).await?).unwrap_or_default();
        let from = source.name.clone();
        let unread = |error: sqlx::Error| CopyError::of(&from, table, &error);
        let (mut digest, mut batch, mut said) = (Digest::default(), Batch::default(), Instant::now());
        let mut rows = source.rows(table);
        while let Some(mut row) = next(&mut rows).await.map_err(unread)? {
            for one in supplements {
                one.apply(table, &mut row);
            }
            digest.add(&row);
            batch.push(row);
            if batch.is_full() {
                self.insert(table, &mut batch).await?;
                if said.elapsed() >= SAY {
                    say(Progress::Copying { table: table.name, rows: digest.rows(), of });
                    said = Instant::now();
                }
            }
        }
        self.insert(table, &mut batch).await?;
        Ok(digest)
    }

    async fn insert(&mut self, table: &'static Table, batch: &mut Batch) -> Result<(), CopyError> {
        let Some(rows) = batch.take() else { return Ok(()) };
        let inserted = self.connection.insert(table, rows).await;
        inserted.map_err(|error| CopyError::of(&self.name, table, &error))
    }

    async fn verify(&mut self, table: &'static Table, written: Digest) -> Result<(), CopyError> {
        let unread = |error: sqlx::Error| CopyError::of(&self.name, table, &error);
        let mut found = Digest::default();
        let mut rows = self.connection.rows(table);
        while let Some(row) = next(&mut rows).await.map_err(unread)? {
            found.add(&row);
        }
        if found == written {
            return Ok(());
        }
        Err(CopyError::Differs { name: self.name.clone(), table: table.name, written, found })
    }
}

impl Filled {
    /// Makes it count: what each table holds.
    ///
    /// # Errors
    /// [`CopyError`], whose text says what to do.
    pub(super) async fn commit(self) -> Result<Vec<(&'static str, Digest)>, CopyError> {
        let Self { target: Target { name, mut connection, _lock, .. }, tables } = self;
        connection.run("commit").await.map_err(|error| match error {
            sqlx::Error::Database(cause) => CopyError::Unfit(name, cause.message().to_owned()),
            error => CopyError::Unknown(name, error.to_string()),
        })?;
        // It stands, however the connection ends.
        let _ = connection.close().await;
        Ok(tables)
    }
}

/// Looks at a target that may be anything, and writes nothing.
async fn look(
    name: &str,
    connection: &mut Connection,
    schema: &'static Schema,
    schemas: &[&'static Schema],
) -> Result<(), CopyError> {
    let applied = connection.applied().await.map_err(|error| CopyError::away(name, &error))?;
    if applied.is_empty() {
        return Ok(());
    }
    let migrations = connection.migrations();
    match applied::service(&applied, schemas, migrations) {
        Some(other) if other.service != schema.service => {
            return Err(CopyError::Another(name.to_owned(), other.service, schema.service));
        }
        // One of an older version is brought up to this one.
        _ => match applied::check(name, &applied, migrations(schema)) {
            Ok(()) | Err(CopyError::Older(..)) => {}
            Err(error) => return Err(error),
        },
    }
    check_empty(name, connection, schema).await
}

async fn check_empty(name: &str, connection: &mut Connection, schema: &'static Schema) -> Result<(), CopyError> {
    for table in schema.tables {
        let rows = async { if connection.has(table.name).await? { connection.count(table).await } else { Ok(0) } };
        let rows = rows.await.map_err(|error| CopyError::of(name, table, &error))?;
        if rows > 0 {
            return Err(CopyError::NotEmpty(name.to_owned(), table.name, rows));
        }
    }
    Ok(())
}

impl Supplement<'_> {
    /// Puts the value into the row, if it is the one that is meant and has none.
    fn apply(&self, table: &Table, row: &mut Row) {
        let at = |name: &str| table.columns.iter().position(|column| column.name == name);
        let (Some(of), Some(value)) = (at(self.of.0), at(self.value.0)) else { return };
        let is_meant = matches!(row.get(of), Some(Value::Text(Some(text))) if text == self.of.1);
        if let Some(Value::Bytes(empty @ None)) = row.get_mut(value).filter(|_| is_meant) {
            *empty = Some(self.value.1.to_vec());
        }
    }
}
