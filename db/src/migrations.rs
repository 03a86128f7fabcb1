//! A service's migrations: the same numbers and names for both engines.

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migrator};

use super::OpenError;

/// What makes a service's tables, in each engine's dialect.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// `migrations/sqlite`.
    pub sqlite: &'static Migrator,
    /// `migrations/postgres`.
    pub postgres: &'static Migrator,
    /// `migrations/postgres/steps`: how a database with rows takes some of those.
    pub in_steps: &'static [InSteps],
}

/// A migration of PostgreSQL in steps, which do together what its file does at once. The file was released before steps were
/// known, and its checksum is in databases; a later file has steps of its own.
#[derive(Clone, Copy, Debug)]
pub struct InSteps {
    /// The migration's number.
    pub version: i64,
    /// The steps.
    pub sql: &'static str,
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
pub(super) async fn check<C>(name: &str, connection: &mut C, migrations: &Migrator) -> Result<(), OpenError>
where
    C: Migrate + Send,
{
    let failed = |error: MigrateError| failed(name, &error);
    connection.ensure_migrations_table(&migrations.table_name).await.map_err(failed)?;
    let applied = connection.list_applied_migrations(&migrations.table_name).await.map_err(failed)?;
    refuse(name, misfit(&applied, migrations).as_ref())
}

/// Refuses a database that has other migrations than these, and changes none.
pub(super) async fn check_complete<C>(name: &str, connection: &mut C, migrations: &Migrator) -> Result<(), OpenError>
where
    C: Migrate + Send,
{
    let applied = connection.list_applied_migrations(&migrations.table_name).await;
    let applied = applied.map_err(|error| failed(name, &error))?;
    refuse(name, misfit(&applied, migrations).as_ref())?;
    let is_missing = |version: i64| applied.iter().all(|one| one.version != version);
    let missing = migrations.iter().find(|known| is_missing(known.version));
    missing.map_or(Ok(()), |missing| Err(OpenError::Older(name.to_owned(), missing.version)))
}

fn refuse(name: &str, misfit: Option<&Misfit>) -> Result<(), OpenError> {
    match misfit {
        None => Ok(()),
        Some(Misfit::Newer(version)) => Err(OpenError::Newer(name.to_owned(), *version)),
        Some(Misfit::Altered(version)) => Err(OpenError::Altered(name.to_owned(), *version)),
    }
}

/// What keeps a database from fitting this version: one of its migrations.
#[derive(Clone, Copy, Debug)]
pub enum Misfit {
    /// This version does not know it.
    Newer(i64),
    /// It is another one than this version's of that number.
    Altered(i64),
}

/// The first migration, in their order, that is none of these.
pub fn misfit(applied: &[AppliedMigration], migrations: &Migrator) -> Option<Misfit> {
    applied.iter().find_map(|applied| match migrations.iter().find(|known| known.version == applied.version) {
        None => Some(Misfit::Newer(applied.version)),
        Some(known) => (known.checksum != applied.checksum).then_some(Misfit::Altered(applied.version)),
    })
}

/// Why the migrations of the database of this name did not run.
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
