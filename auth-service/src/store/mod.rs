//! The users table and what belongs to it: the only room that speaks SQL.

mod sessions;
mod users;

use chrono::{DateTime, Utc};
use kit::db::{Db, OpenError};
use sqlx::migrate::Migrator;

pub use kit::db::{DatabaseUrl, StoreError};
pub use sessions::Standing;
pub use users::{Created, Credentials};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// The auth service's database.
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
        Ok(Self { db: Db::open(url, &MIGRATIONS).await? })
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

type Time = DateTime<Utc>;
