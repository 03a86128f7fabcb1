//! One type for both engines.

use std::path::Path;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::facts::DatabaseFacts;
use super::{
    ClosingStatements, DatabaseUrl, LossSign, Migrations, OpenError, Postgres, ReadRow, SqlStatement, Sqlite,
    StoreError, TransactionOutcome, Tx, Watcher, WorkKind, exposure,
};

/// An open database.
#[derive(Clone, Debug)]
pub enum Db {
    /// A SQLite file, which belongs to this process.
    Sqlite(Sqlite),
    /// A PostgreSQL server, which replicas share.
    Postgres(Postgres),
}

impl Db {
    /// Opens the database at `url` and applies the missing migrations.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open(url: &DatabaseUrl, migrations: &Migrations) -> Result<Self, OpenError> {
        let db = match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(Sqlite::open(path, migrations.sqlite).await?),
            DatabaseUrl::Postgres(server) => Self::Postgres(Postgres::open(server, migrations).await?),
        };
        exposure::warn(url);
        Ok(db)
    }

    /// Opens the database in the same way. A file has a witness of its commits: [`Db::loss`] tells if some may be lost.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open_witnessed(url: &DatabaseUrl, migrations: &Migrations) -> Result<Self, OpenError> {
        let DatabaseUrl::Sqlite(path) = url else { return Self::open(url, migrations).await };
        let db = Sqlite::open_witnessed(path, migrations.sqlite).await?;
        exposure::warn(url);
        Ok(Self::Sqlite(db))
    }

    /// Returns the sign that the database may have lost commits. A server looks after its own commits.
    pub fn loss(&self) -> Option<LossSign> {
        match self {
            Self::Sqlite(db) => db.loss(),
            Self::Postgres(_) => None,
        }
    }

    /// Ends the loss, after the caller has revoked everything that the lost commits may have revoked.
    ///
    /// # Errors
    /// [`OpenError`]; then the next start finds the loss again.
    pub async fn accept_loss(&self) -> Result<(), OpenError> {
        match self {
            Self::Sqlite(db) => db.accept_loss().await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Lets the next start of this complete copy begin a new witness.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn forget_witness(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(db) => db.forget_witness().await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Opens the database at `url` beside a service that may be running, and leaves its migrations as they are.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do. Also if the database does not exist or is not of this version.
    pub async fn open_beside(url: &DatabaseUrl, migrations: &Migrations) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => Sqlite::open_beside(path, migrations.sqlite).await.map(Self::Sqlite),
            DatabaseUrl::Postgres(server) => Postgres::open_beside(server, migrations).await.map(Self::Postgres),
        }
    }

    /// Opens a copy of a file that no service has open, without applying migrations.
    #[must_use]
    pub fn open_snapshot(path: &Path) -> Self {
        Self::Sqlite(Sqlite::open_snapshot(path))
    }

    /// Runs several statements as one transaction. All writes are stored if `work` returns a [`TransactionOutcome`]
    /// that commits, otherwise none of them. `transaction!` calls this function for an async closure.
    ///
    /// On PostgreSQL the work is repeated if the server asks for a repetition (40001, 40P01). So the work must have no
    /// effects outside of the transaction. `input` holds the data of the work. On SQLite several calls may share one
    /// commit.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn transaction<I, T, F>(&self, input: I, work: F) -> Result<T, StoreError>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(Tx<'t>, &'t I) -> BoxFuture<'t, Result<TransactionOutcome<T>, sqlx::Error>>
            + Send
            + Sync
            + 'static,
    {
        match self {
            Self::Sqlite(db) => db.transaction(input, work).await,
            Self::Postgres(db) => db.transaction(&input, work).await,
        }
    }

    /// Runs statements as one transaction, which a server gets in one message. Returns the number in the last row.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn at_once(&self, statements: Vec<SqlStatement>) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(db) => {
                let work = db.transaction(statements, |_, statements| {
                    let closing = ClosingStatements::new(statements.clone(), |number| number);
                    Box::pin(async move { Ok(TransactionOutcome::CommitWith(closing)) })
                });
                work.await
            }
            Self::Postgres(db) => db.at_once(&statements).await,
        }
    }

    /// Returns the rows of a statement that reads, with few hops between threads. The macro `read!` is for all other
    /// reads.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn select<T: ReadRow>(&self, statement: SqlStatement) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(db) => db.work().measure(WorkKind::Read, db.select(statement)).await,
            Self::Postgres(db) => db.select(&statement).await,
        }
    }

    /// Returns true if no other process writes to this database while it is open.
    #[must_use]
    pub fn has_one_writer(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Returns a dedicated connection for polls.
    #[must_use]
    pub fn watcher(&self) -> Watcher {
        match self {
            Self::Sqlite(db) => Watcher::of_file(db.watcher()),
            Self::Postgres(db) => Watcher::of_server(db.primary_connection()),
        }
    }

    /// Waits until `end`, or until the writer task has died: without that task all writes fail.
    pub async fn run_until(&self, end: &CancellationToken) {
        match self {
            Self::Sqlite(db) => drop(end.run_until_cancelled(db.writer_died()).await),
            // A server needs no writer task: each call has a connection of its own.
            Self::Postgres(_) => end.cancelled().await,
        }
    }

    /// Returns facts about the database.
    pub(crate) async fn facts(&self) -> Result<DatabaseFacts, StoreError> {
        match self {
            Self::Sqlite(db) => db.facts().await,
            Self::Postgres(db) => db.facts().await,
        }
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(db) => db.close().await,
            Self::Postgres(db) => db.close().await,
        }
    }
}
