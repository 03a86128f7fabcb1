//! The posts: the only room that speaks SQL.

mod posts;
mod secrets;

use kit::db::{Db, OpenError};
use sqlx::migrate::Migrator;

pub use kit::db::{DatabaseUrl, StoreError};
pub use posts::NewPost;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

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
        Ok(Self { db: Db::open(url, &MIGRATIONS).await? })
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
