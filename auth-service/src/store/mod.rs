//! The users table and what belongs to it: the only room that speaks SQL.

mod allowances;
mod attempts;
mod changes;
mod configured;
mod keys;
mod last_admin;
mod log;
mod operator;
mod page_size;
mod refresh;
mod roles;
mod sessions;
mod settled;
mod tables;
mod times;
mod trials;
mod users;

use std::path::Path;

use chrono::{DateTime, Utc};
use kit::db::copy::Schema;
use kit::db::requests::{self, Earlier};
use kit::db::{Db, InSteps, Migrations, OpenError, health, secrets};
use kit::request_id::RequestKey;
use sqlx::migrate::Migrator;

pub use allowances::Kind;
pub use attempts::Account;
pub use changes::{Outcome, Proof, Unchanged};
pub use configured::Remembered;
pub use keys::PRIVATE_HALVES;
pub use kit::db::{DatabaseUrl, StoreError};
pub use log::{LogReader, Page};
pub use refresh::{Refreshable, Rotated};
pub use times::{Bounds, Passed};
pub use trials::Trial;
pub use users::{Created, Credentials, Filter};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The steps in which a PostgreSQL with rows takes the migrations that would keep a large table from calls.
const IN_STEPS: [InSteps; 5] = [
    InSteps { version: 2, sql: include_str!("../../migrations/postgres/steps/0002_accounts_and_requests.sql") },
    InSteps { version: 3, sql: include_str!("../../migrations/postgres/steps/0003_roles_and_states.sql") },
    InSteps { version: 5, sql: include_str!("../../migrations/postgres/steps/0005_refresh_tokens.sql") },
    InSteps { version: 7, sql: include_str!("../../migrations/postgres/steps/0007_killed_keys.sql") },
    InSteps { version: 8, sql: include_str!("../../migrations/postgres/steps/0008_networks.sql") },
];

/// What the database is, for whoever copies it or backs it up.
pub static SCHEMA: Schema = Schema {
    service: "auth",
    migrations: Migrations { sqlite: &SQLITE, postgres: &POSTGRES, in_steps: &IN_STEPS },
    tables: &tables::TABLES,
};

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
        Ok(Self { db: Db::open(url, &SCHEMA.migrations).await? })
    }

    /// Opens the database beside a service that runs, or not, and leaves its migrations as they are.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub async fn open_beside(url: &DatabaseUrl) -> Result<Self, OpenError> {
        Ok(Self { db: Db::open_beside(url, &SCHEMA.migrations).await? })
    }

    /// Opens a copy that no service has open, and leaves its migrations as they are: only what the first one has made may
    /// be asked for.
    #[must_use]
    pub fn open_snapshot(path: &Path) -> Self {
        Self { db: Db::open_snapshot(path) }
    }

    /// The page tokens' key; keeps `fresh` when there is none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page_token_key(&self, fresh: [u8; 64]) -> Result<[u8; 64], StoreError> {
        secrets::shared(&self.db, "page-token-key", fresh).await
    }

    /// The sealed key of this name, if the database has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sealed_key(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        secrets::find(&self.db, name).await
    }

    /// Takes the sealed key of this name out of the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_sealed_key(&self, name: &str) -> Result<(), StoreError> {
        secrets::forget(&self.db, name).await
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

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

type Time = DateTime<Utc>;
