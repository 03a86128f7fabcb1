//! The database of the service; the only folder with SQL.

mod cache;
mod changes;
mod grouped;
mod ids;
mod last_numbers;
mod lists;
mod pages;
mod posts;
mod publication;
mod rows;
mod slugs;
mod tables;
mod tags;

use std::fmt;

use chrono::{DateTime, Utc};
use db::schema::Schema;
use db::{Db, InSteps, Migrations, OpenError};
use kit::metrics::{MetricSource, MetricsPage};
use sqlx::migrate::Migrator;

use self::cache::CachedPosts;
use self::grouped::GroupedReads;
use self::last_numbers::LastNumbers;

pub use changes::{ChangeResult, PostUnchanged};
pub use db::{DatabaseUrl, StoreError};
pub use lists::PostSource;
pub use posts::{NewPost, NewSlug, NotCreated};
pub use publication::PublishedPosts;
pub use rows::posts_per_read;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Migrations that PostgreSQL runs in steps if the tables have rows, so that they do not block calls on a large table.
const IN_STEPS: [InSteps; 2] = [
    InSteps { version: 3, sql: include_str!("../../migrations/postgres/steps/0003_slugs_and_states.sql") },
    InSteps { version: 5, sql: include_str!("../../migrations/postgres/steps/0005_lists_from_0004.sql") },
];

/// Schema of the database, for copies and backups.
pub static SCHEMA: Schema = Schema {
    service: "blog",
    migrations: Migrations { sqlite: &SQLITE, postgres: &POSTGRES, in_steps: &IN_STEPS },
    tables: &tables::TABLES,
};

/// The blog service's database.
#[derive(Clone, Debug)]
pub struct BlogStore {
    db: Db,
    posts: CachedPosts,
    /// Reads of single posts on a server. Reads of a file cost little.
    grouped: Option<GroupedReads>,
    last_numbers: LastNumbers,
}

impl BlogStore {
    /// Opens and migrates the database, and caches posts of a SQLite file in at most `cache_bytes` of memory.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open(url: &DatabaseUrl, cache_bytes: u64) -> Result<Self, OpenError> {
        let db = Db::open(url, &SCHEMA.migrations).await?;
        let posts = CachedPosts::new(&db, cache_bytes);
        let grouped = (!db.has_one_writer()).then(|| GroupedReads::new(db.clone()));
        Ok(Self { db, posts, grouped, last_numbers: LastNumbers::default() })
    }

    /// Opens the database beside a service that may be running, without migrations.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open_beside(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let db = Db::open_beside(url, &SCHEMA.migrations).await?;
        Ok(Self { db, posts: CachedPosts::none(), grouped: None, last_numbers: LastNumbers::default() })
    }

    /// Returns the database, for the tables that both services have.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Closes each connection after its running statement.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

impl MetricSource for BlogStore {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        self.db.write(page)?;
        self.posts.write_metrics(page)
    }
}

type Time = DateTime<Utc>;
