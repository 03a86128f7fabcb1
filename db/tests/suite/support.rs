//! A temporary database with one table, and writes to it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use db::{DatabaseUrl, Db, Migrations, OpenError, StoreError, TransactionOutcome, read, transaction, within, write};
use sqlx::migrate::Migrator;
use testkit::OpenStore;

pub(crate) static SQLITE: Migrator = sqlx::migrate!("tests/suite/migrations/sqlite");
pub(crate) static POSTGRES: Migrator = sqlx::migrate!("tests/suite/migrations/postgres");

pub(crate) const ADD: &str = "insert into notes (id, text) values ($1, $2)";

/// Opens the database of a case.
pub(crate) struct OpenNotes;

pub(crate) type Case = testkit::StoreCase<OpenNotes>;

impl OpenStore for OpenNotes {
    type Store = Notes;

    async fn open(url: &DatabaseUrl) -> Notes {
        Notes { db: open(url).await.unwrap() }
    }

    async fn close(notes: &Notes) {
        notes.db.close().await;
    }
}

/// A database with one table.
pub(crate) struct Notes {
    pub(crate) db: Db,
}

impl Notes {
    /// Adds a note with one statement.
    pub(crate) async fn add(&self, id: i32, text: &str) -> Result<u64, StoreError> {
        add(self.db.clone(), id, text.to_owned()).await
    }

    /// Returns the ids of the notes.
    pub(crate) async fn notes(&self) -> Vec<i32> {
        const SQL: &str = "select id from notes order by id";
        read!(self.db, |reader| sqlx::query_scalar(SQL).fetch_all(reader)).unwrap()
    }
}

pub(crate) async fn open(url: &DatabaseUrl) -> Result<Db, OpenError> {
    Db::open(url, &Migrations { sqlite: &SQLITE, postgres: &POSTGRES, in_steps: &[] }).await
}

/// Returns the name of the database in a URL.
pub(crate) fn database_of(url: &str) -> String {
    let path = url.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Adds a note with one statement.
pub(crate) async fn add(db: Db, id: i32, text: String) -> Result<u64, StoreError> {
    write!(db, sqlx::query(ADD).bind(id).bind(text.clone()))
}

/// Outcome at the end of a transaction.
pub(crate) type TransactionEnd = fn(()) -> TransactionOutcome<()>;

/// Adds notes in one transaction, which ends with `outcome`.
pub(crate) async fn add_all(db: Db, notes: &[(i32, &'static str)], outcome: TransactionEnd) -> Result<(), StoreError> {
    let notes = notes.to_vec();
    transaction!(db, async move |mut tx| {
        for (id, text) in &notes {
            within!(tx, sqlx::query(ADD).bind(*id).bind(*text))?;
        }
        Ok(outcome(()))
    })
}

/// Polls the work once, which puts a write into the queue.
pub(crate) async fn begun<T>(work: &mut Pin<Box<impl Future<Output = T>>>) {
    let is_pending = poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending())).await;
    assert!(is_pending, "the work waits for another");
}
