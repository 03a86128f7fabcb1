//! Database of the auth service. Only this module contains SQL.

mod allowances;
mod api_key_rows;
mod api_keys;
mod attempts;
mod audit;
mod audit_log;
mod changes;
mod configured;
mod erasures;
mod expiry;
mod ids;
mod keys;
mod last_admin;
mod log;
mod log_reader;
mod login_activity;
mod lost_commits;
mod operator;
mod outcome;
mod page_size;
mod password_resets;
mod refresh;
mod roles;
mod rows;
mod sessions;
mod settled;
mod tables;
mod times;
mod trials;
mod users;

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use db::schema::Schema;
use db::{Db, InSteps, Migrations, OpenError};
use sqlx::migrate::Migrator;
use tokio::sync::Notify;

pub use allowances::AllowanceKind;
pub use attempts::{AccountDigest, WrongPassword};
pub use audit_log::AuditRange;
pub use configured::Remembered;
pub use db::{DatabaseUrl, StoreError};
pub use keys::{KeyRow, PRIVATE_HALVES, PrivateHalf, SealChange};
pub use log_reader::{LogPage, LogReader};
pub use lost_commits::ApiKeyFate;
pub use outcome::{ChangedUser, Outcome, PasswordChanged, PasswordProof, Unchanged};
pub use password_resets::FoundReset;
pub use refresh::{Refreshable, Rotated};
pub use times::{AllowanceBound, Passed, TimeBounds};
pub use trials::Trial;
pub use users::{Created, Credentials, Filter, FirstSession};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Migrations that PostgreSQL runs in steps if the tables have rows, so that they do not block calls on a large table.
const IN_STEPS: [InSteps; 6] = [
    InSteps { version: 2, sql: include_str!("../../migrations/postgres/steps/0002_accounts_and_requests.sql") },
    InSteps { version: 3, sql: include_str!("../../migrations/postgres/steps/0003_roles_and_states.sql") },
    InSteps { version: 5, sql: include_str!("../../migrations/postgres/steps/0005_refresh_tokens.sql") },
    InSteps { version: 7, sql: include_str!("../../migrations/postgres/steps/0007_killed_keys.sql") },
    InSteps { version: 8, sql: include_str!("../../migrations/postgres/steps/0008_networks.sql") },
    InSteps { version: 15, sql: include_str!("../../migrations/postgres/steps/0015_states_of_roles.sql") },
];

/// Schema of the database, for copies and backups.
pub static SCHEMA: Schema = Schema {
    service: "auth",
    migrations: Migrations { sqlite: &SQLITE, postgres: &POSTGRES, in_steps: &IN_STEPS },
    tables: &tables::TABLES,
};

/// Database of the auth service.
#[derive(Clone, Debug)]
pub struct AuthStore {
    db: Db,
    /// Wakes the watchers of the audit log in this process.
    audit_recorded: Arc<Notify>,
}

impl AuthStore {
    fn new(db: Db) -> Self {
        Self { db, audit_recorded: Arc::default() }
    }

    /// Opens and migrates the database.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        Ok(Self::new(Db::open_witnessed(url, &SCHEMA.migrations).await?))
    }

    /// Opens the database while a service may be running on it, without migrations.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open_beside(url: &DatabaseUrl) -> Result<Self, OpenError> {
        Ok(Self::new(Db::open_beside(url, &SCHEMA.migrations).await?))
    }

    /// Opens a copy that no service uses, without migrations. Callers must not rely on any migration after the first.
    #[must_use]
    pub fn open_snapshot(path: &Path) -> Self {
        Self::new(Db::open_snapshot(path))
    }

    /// Returns the database, for the tables that both services share.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Closes each connection after its statement has ended.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

type Time = DateTime<Utc>;
