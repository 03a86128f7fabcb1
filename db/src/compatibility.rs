//! Versions that work on a database that a later version has migrated.
//!
//! The name of a migration ends with the newest migration of the oldest version that works on its schema:
//! `0005_lists_from_0004` suits each version whose newest migration is 4 or later. The driver stores the name in the
//! database, so an older version reads it there.

use futures_util::future::BoxFuture;
use sqlx::migrate::{Migrate, MigrateError};
use sqlx::{PgConnection, SqliteConnection};

/// Row of an applied migration: its number and its name.
type NamedRow = (i64, String);

/// A connection that reads the names of applied migrations.
pub(super) trait NamedMigrations: Migrate + Send {
    /// Returns the migrations from number `first` on, in their order.
    fn named_since(&mut self, first: i64) -> BoxFuture<'_, Result<Vec<NamedRow>, MigrateError>>;
}

/// Implements the trait for the connections of both engines.
macro_rules! named_migrations {
    ($($connection:ty),*) => {$(
        impl NamedMigrations for $connection {
            fn named_since(&mut self, first: i64) -> BoxFuture<'_, Result<Vec<NamedRow>, MigrateError>> {
                const SQL: &str =
                    "select version, description from _sqlx_migrations where version >= $1 order by version";
                Box::pin(async move { Ok(sqlx::query_as(SQL).bind(first).fetch_all(self).await?) })
            }
        }
    )*};
}

named_migrations!(SqliteConnection, PgConnection);

/// Returns the first migration that a version with `newest` as its newest migration does not work on.
pub(super) fn first_incompatible(later: &[NamedRow], newest: i64) -> Option<i64> {
    let is_compatible = |name: &str| oldest(name).is_some_and(|oldest| oldest <= newest);
    later.iter().find(|(_, name)| !is_compatible(name)).map(|(version, _)| *version)
}

/// Returns the number at the end of a migration's name. The driver stores the name with blanks: `lists from 0004`.
fn oldest(name: &str) -> Option<i64> {
    name.rsplit_once(" from ")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(version: i64, name: &str) -> NamedRow {
        (version, name.to_owned())
    }

    #[test]
    fn each_unknown_migration_must_suit_the_version() {
        let later = [named(5, "lists from 0004"), named(6, "search from 0004"), named(7, "comments from 0006")];
        assert_eq!(first_incompatible(&later, 4), Some(7));
        assert_eq!(first_incompatible(&later[..2], 4), None);
        assert_eq!(first_incompatible(&later[2..], 6), None);
        assert_eq!(first_incompatible(&[], 4), None);
    }

    #[test]
    fn migration_without_a_number_suits_no_older_version() {
        for name in ["lists", "lists from", "lists from four", "from 0004", "mails from users"] {
            assert_eq!(first_incompatible(&[named(5, name)], 4), Some(5), "{name}");
        }
    }
}
