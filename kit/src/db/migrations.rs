//! A service's migrations: the same numbers and names for both engines.

use sqlx::migrate::{Migrate, MigrateError, Migrator};

use super::OpenError;

/// What makes a service's tables, in each engine's dialect.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// `migrations/sqlite`.
    pub sqlite: &'static Migrator,
    /// `migrations/postgres`.
    pub postgres: &'static Migrator,
}

/// Applies the migrations that the database of this name lacks. The caller holds a lock that keeps others from doing so:
/// the driver's own does nothing on SQLite, and can deadlock on PostgreSQL.
pub(super) async fn run<C>(name: &str, connection: &mut C, migrations: &Migrator) -> Result<(), OpenError>
where
    C: Migrate + Send,
{
    let unlocked = Migrator {
        migrations: migrations.migrations.clone(),
        table_name: migrations.table_name.clone(),
        create_schemas: migrations.create_schemas.clone(),
        locking: false,
        ..*migrations
    };
    check(name, connection, &unlocked).await?;
    unlocked.run_direct(None, connection, false).await.map_err(|error| failed(name, &error))
}

/// Refuses another service's database. The migrator would call one that has more migrations a newer one.
async fn check<C>(name: &str, connection: &mut C, migrations: &Migrator) -> Result<(), OpenError>
where
    C: Migrate + Send,
{
    let failed = |error: MigrateError| failed(name, &error);
    connection.ensure_migrations_table(&migrations.table_name).await.map_err(failed)?;
    let applied = connection.list_applied_migrations(&migrations.table_name).await.map_err(failed)?;
    let differs = applied.iter().find(|applied| {
        let known = migrations.iter().find(|known| known.version == applied.version);
        known.is_some_and(|known| known.checksum != applied.checksum)
    });
    differs.map_or(Ok(()), |differs| Err(OpenError::Altered(name.to_owned(), differs.version)))
}

/// Why the migrations of the database of this name did not run.
fn failed(name: &str, error: &MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Newer(name.to_owned(), *version),
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => {
            OpenError::Altered(name.to_owned(), *version)
        }
        MigrateError::Execute(_) | MigrateError::ExecuteMigration(..) => {
            OpenError::Unmigrated(name.to_owned(), error.to_string())
        }
        other => OpenError::Damaged(name.to_owned(), other.to_string()),
    }
}
