//! A service's migrations: the same numbers and names for both engines.

use sqlx::migrate::{MigrateError, Migrator};

use super::OpenError;

/// What makes a service's tables, in each engine's dialect.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// `migrations/sqlite`.
    pub sqlite: &'static Migrator,
    /// `migrations/postgres`.
    pub postgres: &'static Migrator,
}

/// Why the migrations of the database of this name did not run.
pub(super) fn failed(name: &str, error: &MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Newer(name.to_owned(), *version),
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => {
            OpenError::Altered(name.to_owned(), *version)
        }
        other => OpenError::Damaged(name.to_owned(), other.to_string()),
    }
}
