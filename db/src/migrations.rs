//! Migrations of a service: the same numbers and names for both engines.

use sqlx::migrate::{AppliedMigration, MigrateError, Migrator};

use super::OpenError;
use super::compatibility::{NamedMigrations, first_incompatible};

/// Migrations that create a service's tables, in each engine's dialect.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// `migrations/sqlite`.
    pub sqlite: &'static Migrator,
    /// `migrations/postgres`.
    pub postgres: &'static Migrator,
    /// `migrations/postgres/steps`: the same migrations in steps, for databases with rows.
    pub in_steps: &'static [InSteps],
}

/// A migration of PostgreSQL in steps, with the same result as its file. The file was released before steps existed,
/// and databases hold its checksum; later files contain their own steps.
#[derive(Clone, Copy, Debug)]
pub struct InSteps {
    /// The migration's number.
    pub version: i64,
    /// The steps.
    pub sql: &'static str,
}

/// Applies the missing migrations to the database of this name. The caller holds a lock against other processes: the
/// driver's own lock does nothing on SQLite, and can deadlock on PostgreSQL.
pub(super) async fn run<C>(name: &str, connection: &mut C, migrations: &Migrator) -> Result<(), OpenError>
where
    C: NamedMigrations,
{
    let unlocked = Migrator {
        migrations: migrations.migrations.clone(),
        table_name: migrations.table_name.clone(),
        create_schemas: migrations.create_schemas.clone(),
        locking: false,
        // `check` decides about migrations of later versions.
        ignore_missing: true,
        ..*migrations
    };
    check(name, connection, &unlocked).await?;
    unlocked.run_direct(None, connection, false).await.map_err(|error| failed(name, &error))
}

/// Refuses another service's database, and one that a later version has migrated unless this version works on it.
/// The driver's migrator would report a newer version if another service's database has more migrations.
pub(super) async fn check<C>(name: &str, connection: &mut C, migrations: &Migrator) -> Result<(), OpenError>
where
    C: NamedMigrations,
{
    let failed = |error: MigrateError| failed(name, &error);
    connection.ensure_migrations_table(&migrations.table_name).await.map_err(failed)?;
    let applied = connection.list_applied_migrations(&migrations.table_name).await.map_err(failed)?;
    refuse_misfit(name, connection, &applied, migrations).await
}

/// Refuses a database without some of these migrations, or with others that this version does not work on. Changes
/// nothing.
pub(super) async fn check_complete<C>(name: &str, connection: &mut C, migrations: &Migrator) -> Result<(), OpenError>
where
    C: NamedMigrations,
{
    let applied = connection.list_applied_migrations(&migrations.table_name).await;
    let applied = applied.map_err(|error| failed(name, &error))?;
    refuse_misfit(name, connection, &applied, migrations).await?;
    let is_missing = |version: i64| applied.iter().all(|one| one.version != version);
    let missing = migrations.iter().find(|known| is_missing(known.version));
    missing.map_or(Ok(()), |missing| Err(OpenError::Older(name.to_owned(), missing.version)))
}

/// Refuses a database with altered migrations, or with unknown ones that this version does not work on.
async fn refuse_misfit<C>(
    name: &str,
    connection: &mut C,
    applied: &[AppliedMigration],
    migrations: &Migrator,
) -> Result<(), OpenError>
where
    C: NamedMigrations,
{
    match misfit(applied, migrations) {
        None => Ok(()),
        Some(Misfit::Altered(version)) => Err(OpenError::Altered(name.to_owned(), version)),
        Some(Misfit::Newer(version)) => {
            let newest = migrations.iter().map(|known| known.version).max().unwrap_or(0);
            let later = connection.named_since(version).await;
            let later = later.map_err(|error| failed(name, &error))?;
            if let Some(version) = first_incompatible(&later, newest) {
                return Err(OpenError::Newer(name.to_owned(), version));
            }
            tracing::info!("{name} was migrated by a newer version, and this version works on it");
            Ok(())
        }
    }
}

/// A migration that makes a database incompatible with this version.
#[derive(Clone, Copy, Debug)]
pub enum Misfit {
    /// This version does not know the migration.
    Newer(i64),
    /// This version has another migration of that number.
    Altered(i64),
}

/// Returns the first applied migration that is unknown or altered.
pub fn misfit(applied: &[AppliedMigration], migrations: &Migrator) -> Option<Misfit> {
    applied.iter().find_map(|applied| match migrations.iter().find(|known| known.version == applied.version) {
        None => Some(Misfit::Newer(applied.version)),
        Some(known) => (known.checksum != applied.checksum).then_some(Misfit::Altered(applied.version)),
    })
}

/// Converts the migrator's error for the database of this name.
pub(super) fn failed(name: &str, error: &MigrateError) -> OpenError {
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
