//! Versions of a service whose migrations differ, on one database.

use std::borrow::Cow;

use db::{DatabaseUrl, Db, Migrations, OpenError};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use testkit::{OpenStore, StoreCase, on_both_engines};

use crate::support::{POSTGRES, SQLITE, add, open};

/// Leaves the database of a case to its test.
struct LeaveClosed;

type Case = StoreCase<LeaveClosed>;

impl OpenStore for LeaveClosed {
    type Store = ();

    async fn open(_: &DatabaseUrl) {}

    async fn close((): &()) {}
}

/// Name and statement of a migration.
struct Later(&'static str, &'static str);

/// Returns the migrations of a version that has these after those of the tests.
fn with(later: &[Later]) -> Migrations {
    let after = |known: &Migrator| -> &'static Migrator {
        let added = (2..).zip(later).map(|(version, Later(name, sql))| {
            let sql = AssertSqlSafe((*sql).to_owned()).into_sql_str();
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
        });
        let migrations = known.iter().cloned().chain(added).collect();
        Box::leak(Box::new(Migrator { migrations: Cow::Owned(migrations), ..Migrator::DEFAULT }))
    };
    Migrations { sqlite: after(&SQLITE), postgres: after(&POSTGRES), in_steps: &[] }
}

async fn older_version_works_on_what_only_adds(case: Case) {
    let newer = with(&[
        Later("tags from 0001", "alter table notes add column tags text not null default ''"),
        Later("owners from 0001", "create table owners (id integer primary key)"),
        Later("tags unused from 0001", "-- The release with this migration does not use the tags."),
    ]);
    Db::open(&case.database.url, &newer).await.unwrap().close().await;
    let older = open(&case.database.url).await.unwrap();
    assert_eq!(add(older.clone(), 1, "of the older version".to_owned()).await.unwrap(), 1);
    Db::open_beside(&case.database.url, &with(&[])).await.unwrap().close().await;
    older.close().await;
    drop(older);
    Db::open(&case.database.url, &newer).await.unwrap().close().await;
}

async fn older_version_is_refused_where_a_migration_needs_a_newer_one(case: Case) {
    let newer = with(&[
        Later("tags from 0001", "alter table notes add column tags text not null default ''"),
        Later("tags required from 0002", "create table owners (id integer primary key)"),
    ]);
    Db::open(&case.database.url, &newer).await.unwrap().close().await;
    let refusals = [open(&case.database.url).await, Db::open_beside(&case.database.url, &with(&[])).await];
    for refused in refusals {
        assert!(matches!(refused, Err(OpenError::Newer(_, 3))), "{refused:?}");
    }
    let between = with(&[Later("tags from 0001", "alter table notes add column tags text not null default ''")]);
    Db::open(&case.database.url, &between).await.unwrap().close().await;
}

on_both_engines!(crate::versions::Case:
    older_version_works_on_what_only_adds,
    older_version_is_refused_where_a_migration_needs_a_newer_one,
);
