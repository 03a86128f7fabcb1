//! A temporary database of either engine for one test.

use std::path::Path;

use db::DatabaseUrl;
use db::schema::{Column, ColumnType, Schema};
use tempfile::TempDir;

use super::{Outsider, folder, folder_in_memory};
use crate::columns::{columns_of_file, columns_of_server};
use crate::postgres::{PostgresDatabase, database};
use crate::statements::{Statement, plan_of_file, plan_of_server, scans_of_file, scans_of_server};

/// A new database; dropping the value removes it.
pub struct TestDatabase {
    /// URL of the database.
    pub url: DatabaseUrl,
    place: DatabasePlace,
}

enum DatabasePlace {
    Folder(#[expect(dead_code, reason = "dropping the folder removes it")] TempDir),
    Server(PostgresDatabase),
}

impl TestDatabase {
    /// Returns a place for a database file, which does not exist yet.
    pub fn sqlite() -> Self {
        Self::in_folder(folder())
    }

    /// Returns a place for a database file in memory, if the machine has `/dev/shm`.
    pub fn in_memory() -> Self {
        Self::in_folder(folder_in_memory())
    }

    fn in_folder(folder: TempDir) -> Self {
        Self { url: DatabaseUrl::file(folder.path().join("test.db")), place: DatabasePlace::Folder(folder) }
    }

    /// Creates an empty database on a server; returns `None` if PostgreSQL is skipped.
    ///
    /// # Panics
    /// Panics if there is no server. In CI it also panics where it would return `None`.
    #[expect(clippy::expect_used, reason = "a test without its database shows nothing")]
    pub async fn postgres() -> Option<Self> {
        let database = database().await?;
        let url = database.url.parse().expect("a valid URL of a test server");
        Some(Self { url, place: DatabasePlace::Server(database) })
    }

    /// Returns the path of the file.
    ///
    /// # Panics
    /// Panics for a server's database.
    #[expect(clippy::expect_used, reason = "a test that asks the wrong engine shows nothing")]
    pub fn path(&self) -> &Path {
        self.url.path().expect("a file")
    }

    /// Returns the database on the server.
    ///
    /// # Panics
    /// Panics for a file.
    pub fn server(&self) -> &PostgresDatabase {
        match &self.place {
            DatabasePlace::Server(database) => database,
            DatabasePlace::Folder(_) => panic!("a file has no server"),
        }
    }

    /// Runs statements on a separate connection.
    ///
    /// # Panics
    /// Panics if the database refuses them.
    pub async fn run(&self, sql: &str) {
        match &self.place {
            DatabasePlace::Folder(_) => {
                let mut outsider = Outsider::open(self.path()).await;
                outsider.run(sql).await;
                outsider.close().await;
            }
            DatabasePlace::Server(database) => database.run(sql).await,
        }
    }

    /// Makes the database refuse a verb (insert, update or delete) on a table.
    ///
    /// # Panics
    /// Panics if the trigger cannot be created.
    pub async fn refuse(&self, verb: &str, table: &str) {
        let trigger = format!("create trigger refuse_it before {verb} on {table}");
        let sql = match &self.place {
            DatabasePlace::Folder(_) => format!("{trigger} begin select raise(abort, 'refused'); end"),
            DatabasePlace::Server(_) => format!(
                "create or replace function refuse_it() returns trigger language plpgsql as $$ \
                 begin raise exception 'refused'; end $$; \
                 {trigger} for each row execute function refuse_it()"
            ),
        };
        self.run(&sql).await;
    }

    /// Undoes [`TestDatabase::refuse`].
    ///
    /// # Panics
    /// Panics if there is no trigger.
    pub async fn accept(&self, table: &str) {
        let sql = match &self.place {
            DatabasePlace::Folder(_) => "drop trigger refuse_it".to_owned(),
            DatabasePlace::Server(_) => format!("drop trigger refuse_it on {table}"),
        };
        self.run(&sql).await;
    }

    /// Returns the differences between the columns of the database and the columns that the schema lists for a copy.
    ///
    /// # Panics
    /// Panics if the columns cannot be read.
    pub async fn uncopied(&self, schema: &Schema) -> Vec<String> {
        let (found, types) = match &self.place {
            DatabasePlace::Folder(_) => {
                (columns_of_file(self.path()).await, sqlite_type as fn(ColumnType) -> &'static str)
            }
            DatabasePlace::Server(database) => (columns_of_server(&database.url).await, postgres_type as _),
        };
        let found = found.into_iter().map(|(table, column, kind, null)| format!("{table}.{column} {kind} {null}"));
        let found: Vec<_> = found.collect();
        let described = schema.tables.iter().flat_map(|table| {
            let line = move |column: &Column| {
                format!("{}.{} {} {}", table.name, column.name, types(column.kind), column.is_optional)
            };
            table.columns.iter().map(line)
        });
        let described: Vec<_> = described.collect();
        let only = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|line| !other.contains(line)).cloned().collect()
        };
        [only(&found, &described), only(&described, &found)].concat()
    }

    /// Returns the query plan of a statement for the existing rows; on a server, the generic plan.
    ///
    /// # Panics
    /// Panics if the database refuses the statement.
    pub async fn plan(&self, sql: &str) -> String {
        match &self.place {
            DatabasePlace::Folder(_) => plan_of_file(self.path(), sql).await,
            DatabasePlace::Server(database) => plan_of_server(&database.url, sql).await,
        }
    }

    /// Returns the statements that scan a table. Fills the database with rows that break its constraints: do not use it
    /// for anything else afterwards.
    ///
    /// # Panics
    /// Panics if the database refuses a statement.
    pub async fn scans(&self, statements: &[Statement]) -> Vec<String> {
        match &self.place {
            DatabasePlace::Folder(_) => scans_of_file(self.path(), statements).await,
            DatabasePlace::Server(database) => scans_of_server(&database.url, statements).await,
        }
    }
}

fn sqlite_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Uuid | ColumnType::Bytes => "blob",
        ColumnType::Text | ColumnType::Time => "text",
        ColumnType::Integer | ColumnType::Long => "integer",
    }
}

fn postgres_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Uuid => "uuid",
        ColumnType::Bytes => "bytea",
        ColumnType::Text => "text",
        ColumnType::Time => "timestamp with time zone",
        ColumnType::Integer => "integer",
        ColumnType::Long => "bigint",
    }
}
