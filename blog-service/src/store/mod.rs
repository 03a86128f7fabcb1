//! The posts: the only room that speaks SQL.

mod changes;
mod posts;
mod tables;

use chrono::{DateTime, Utc};
use kit::Clock;
use kit::db::copy::Schema;
use kit::db::requests::{self, Earlier};
use kit::db::{Db, Migrations, OpenError, clock, health, secrets};
use kit::request_id::RequestKey;
use sqlx::migrate::Migrator;

pub use changes::{Outcome, Unchanged};
pub use kit::db::{DatabaseUrl, StoreError};
pub use posts::NewPost;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// What the database is, for whoever copies it or backs it up.
pub static SCHEMA: Schema = Schema {
    service: "blog",
    migrations: Migrations { sqlite: &SQLITE, postgres: &POSTGRES, in_steps: &[] },
    tables: &tables::TABLES,
};

/// The blog service's database.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Opens and migrates the database.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        Ok(Self { db: Db::open(url, &SCHEMA.migrations).await? })
    }

    /// The page tokens' key; keeps `fresh` when there is none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page_token_key(&self, fresh: [u8; 64]) -> Result<[u8; 64], StoreError> {
        secrets::shared(&self.db, "page-token-key", fresh).await
    }

    /// What came before under this request's id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn earlier(&self, key: &RequestKey, now: Time) -> Result<Option<Earlier>, StoreError> {
        requests::find(&self.db, key, now).await
    }

    /// Whether the database answers: what health says of the service.
    ///
    /// # Errors
    /// [`StoreError`], when it does not.
    pub async fn look(&self) -> Result<(), StoreError> {
        health::look(&self.db).await
    }

    /// Whether the database takes writes: writes a row that nobody reads.
    ///
    /// # Errors
    /// [`StoreError`], when it does not.
    pub async fn touch(&self, mark: [u8; 16]) -> Result<(), StoreError> {
        health::touch(&self.db, mark).await
    }

    /// Compares this clock with the database's time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn measure_clock(&self, clock: &Clock) -> Result<(), StoreError> {
        clock::measure(&self.db, clock).await
    }

    /// Cuts the times of requests that may be repeated to the present, `now`, where they are after `future`. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repair_requests(&self, now: Time, future: Time) -> Result<u64, StoreError> {
        requests::repair_times(&self.db, now, future).await
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

type Time = DateTime<Utc>;
