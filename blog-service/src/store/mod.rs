//! The posts: the only room that speaks SQL.

mod changes;
mod posts;
mod tables;

use chrono::{DateTime, Utc};
use db::schema::Schema;
use db::{Db, Migrations, OpenError};
use sqlx::migrate::Migrator;

pub use changes::{Outcome, Unchanged};
pub use db::{DatabaseUrl, StoreError};
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

    /// Returns the database, for what both services keep in theirs.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

type Time = DateTime<Utc>;
