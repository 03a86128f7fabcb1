//! Service and version of a database, read from its applied migrations.

use db::schema::Schema;
use db::{Misfit, misfit};
use sqlx::migrate::{AppliedMigration, Migrator};

use super::error::CopyError;

/// Returns the schema whose first migration is the first applied one: the schema of the service that made the database.
pub(super) fn service(
    applied: &[AppliedMigration],
    schemas: &[&'static Schema],
    migrations: fn(&Schema) -> &'static Migrator,
) -> Option<&'static Schema> {
    let first = applied.first()?;
    let starts_alike = |schema: &&&'static Schema| {
        let own = migrations(schema).iter().next();
        own.is_some_and(|own| own.version == first.version && own.checksum == first.checksum)
    };
    schemas.iter().find(starts_alike).copied()
}

/// Checks that the database has exactly the migrations of this program's version.
pub(super) fn check(name: &str, applied: &[AppliedMigration], migrations: &Migrator) -> Result<(), CopyError> {
    match misfit(applied, migrations) {
        None => {}
        Some(Misfit::Newer(version)) => return Err(CopyError::Newer(name.to_owned(), version)),
        Some(Misfit::Altered(version)) => return Err(CopyError::Altered(name.to_owned(), version)),
    }
    let is_missing = |version: i64| applied.iter().all(|one| one.version != version);
    let missing = migrations.iter().find(|known| is_missing(known.version));
    missing.map_or(Ok(()), |missing| Err(CopyError::Older(name.to_owned(), missing.version)))
}
