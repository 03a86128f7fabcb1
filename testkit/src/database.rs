//! A database of either engine for one test, and what other programs do to it.

use std::path::Path;

use db::DatabaseUrl;
use db::schema::{Column, Kind, Schema};
use tempfile::TempDir;

use super::{Outsider, folder, folder_in_memory};
use crate::columns::{columns_of_file, columns_of_server};
use crate::postgres::{PostgresDatabase, database};
use crate::statements::{Statement, plan_of_file, plan_of_server, scans_of_file, scans_of_server};

/// A new database that vanishes when the value is dropped.
pub struct TestDatabase {
    /// Its URL.
    pub url: DatabaseUrl,
    place: Place,
}

enum Place {
    Folder(#[expect(dead_code, reason = "the folder goes with it")] TempDir),
    Server(PostgresDatabase),
}

impl TestDatabase {
    /// A file that is not there yet.
    pub fn sqlite() -> Self {
        Self::in_folder(folder())
    }

    /// The same in the machine's memory.
    pub fn in_memory() -> Self {
        Self::in_folder(folder_in_memory())
    }

    fn in_folder(folder: TempDir) -> Self {
        Self { url: DatabaseUrl::file(folder.path().join("test.db")), place: Place::Folder(folder) }
    }

    /// An empty database of a server; `None` where PostgreSQL is skipped.
    ///
    /// # Panics
    /// When there is no server, and, in CI, where it would be `None`.
    #[expect(clippy::expect_used, reason = "a test without its database shows nothing")]
    pub async fn postgres() -> Option<Self> {
        let database = database().await?;
        let url = database.url.parse().expect("the server's URL is one of ours");
        Some(Self { url, place: Place::Server(database) })
    }

    /// The file.
    ///
    /// # Panics
    /// When it is a server's.
    #[expect(clippy::expect_used, reason = "a test that asks the wrong engine shows nothing")]
    pub fn path(&self) -> &Path {
        self.url.path().expect("a file")
    }

    /// What testkit can do with a server's database.
    ///
    /// # Panics
    /// When it is a file.
    pub fn server(&self) -> &PostgresDatabase {
        match &self.place {
            Place::Server(database) => database,
            Place::Folder(_) => panic!("a file has no server"),
        }
    }

    /// Runs statements as another program.
    ///
    /// # Panics
    /// When the database refuses them.
    pub async fn run(&self, sql: &str) {
        match &self.place {
            Place::Folder(_) => {
                let mut outsider = Outsider::open(self.path()).await;
                outsider.run(sql).await;
                outsider.close().await;
            }
            Place::Server(database) => database.run(sql).await,
        }
    }

    /// Makes the database refuse every row that is to be inserted into, updated in or deleted from a table.
    ///
    /// # Panics
    /// When the database refuses that.
    pub async fn refuse(&self, verb: &str, table: &str) {
        let trigger = format!("create trigger refuse_it before {verb} on {table}");
        let sql = match &self.place {
            Place::Folder(_) => format!("{trigger} begin select raise(abort, 'refused'); end"),
            Place::Server(_) => format!(
                "create or replace function refuse_it() returns trigger language plpgsql as $$ \
                 begin raise exception 'refused'; end $$; \
                 {trigger} for each row execute function refuse_it()"
            ),
        };
        self.run(&sql).await;
    }

    /// Ends [`TestDatabase::refuse`].
    ///
    /// # Panics
    /// When nothing is refused.
    pub async fn accept(&self, table: &str) {
        let sql = match &self.place {
            Place::Folder(_) => "drop trigger refuse_it".to_owned(),
            Place::Server(_) => format!("drop trigger refuse_it on {table}"),
        };
        self.run(&sql).await;
    }

    /// In what the database differs from what a copy takes along of it; a copy would leave that behind.
    ///
    /// # Panics
    /// When the database does not name its columns.
    pub async fn uncopied(&self, schema: &Schema) -> Vec<String> {
        let (found, types) = match &self.place {
            Place::Folder(_) => (columns_of_file(self.path()).await, of_sqlite as fn(Kind) -> &'static str),
            Place::Server(database) => (columns_of_server(&database.url).await, of_postgres as _),
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

    /// Returns the plan of a statement for any values, on the rows that are there.
    ///
    /// # Panics
    /// When the database refuses it.
    pub async fn plan(&self, sql: &str) -> String {
        match &self.place {
            Place::Folder(_) => plan_of_file(self.path(), sql).await,
            Place::Server(database) => plan_of_server(&database.url, sql).await,
        }
    }

    /// Those of the statements that walk through a table. The rows that this puts in keep no rule: nothing else can be
    /// shown on the database afterwards.
    ///
    /// # Panics
    /// When the database refuses one.
    pub async fn scans(&self, statements: &[Statement]) -> Vec<String> {
        match &self.place {
            Place::Folder(_) => scans_of_file(self.path(), statements).await,
            Place::Server(database) => scans_of_server(&database.url, statements).await,
        }
    }
}

fn of_sqlite(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid | Kind::Bytes => "blob",
        Kind::Text | Kind::Time => "text",
        Kind::Integer | Kind::Long => "integer",
    }
}

fn of_postgres(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid => "uuid",
        Kind::Bytes => "bytea",
        Kind::Text => "text",
        Kind::Time => "timestamp with time zone",
        Kind::Integer => "integer",
        Kind::Long => "bigint",
    }
}
