//! A database with checks that allow only known kinds: the migration removes these checks and keeps each row.

use std::path::Path;

use auth_service::domain::{Cause, EntryFingerprint, Era, LogId, Revocation, SessionId, UserId};
use auth_service::store::AuthStore;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqlSafeStr as _, SqliteConnection};
use testkit::{TestDatabase, on_both_engines};

use crate::support::stamp;

/// The last migration with such checks.
const LAST: i64 = 10;

/// The rows of a log with one entry, an allowance and a key.
const ROWS: &str = "
insert into log_head (id, log_id, revision, mark, kind, subject, generation, log_time, horizon, era, era_before,
    era_before_until) values
    (1, BYTES, 0, BYTES, 'start', '', 0, TIME, TIME, 7, 6, TIME);
insert into revocations (revision, mark, kind, subject, generation, log_time)
    select revision, mark, kind, subject, generation, log_time from log_head;
update log_head set revision = 1, kind = 'session', subject = '00000000-0000-0000-0000-000000000005';
insert into allowances (kind, network, full_time) values ('failure', 'a', TIME);
insert into signing_keys (number, id, algorithm, public_jwk, create_time, sign_time)
    values (1, 'k', 'EdDSA', '{}', TIME, TIME);
";

/// The same rows, and further rows with kinds that no version knows yet.
const MORE: &str = "
update log_head set revision = revision + 1, kind = 'tenant';
insert into allowances (kind, network, full_time) select 'tenant', network, full_time from allowances;
insert into signing_keys (number, id, algorithm, public_jwk, create_time, sign_time)
    select 2, 'l', 'ML-DSA-65', public_jwk, create_time, sign_time from signing_keys;
";

/// A database of an earlier version.
struct Older(TestDatabase);

impl Older {
    async fn sqlite() -> Self {
        let database = TestDatabase::sqlite();
        let options = SqliteConnectOptions::new().filename(database.path()).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        migrations("sqlite").await.run_direct(Some(LAST), &mut connection, false).await.unwrap();
        connection.close().await.unwrap();
        Self(database).filled("x'01010101010101010101010101010101'").await
    }

    async fn postgres() -> Option<Self> {
        let database = TestDatabase::postgres().await?;
        let mut connection = database.server().connect().await;
        migrations("postgres").await.run_direct(Some(LAST), &mut connection, false).await.unwrap();
        Some(Self(database).filled(r"'\x01010101010101010101010101010101'::bytea").await)
    }

    async fn filled(self, bytes: &str) -> Self {
        self.0.run(&ROWS.replace("BYTES", bytes).replace("TIME", "'2026-01-01T00:00:00+00:00'")).await;
        self
    }
}

/// Returns the migrations, with indexes that a transaction can make.
async fn migrations(engine: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut all = Migrator::new(folder).await.unwrap();
    for migration in all.migrations.to_mut() {
        let sql = migration.sql.as_str().replace("index concurrently", "index");
        migration.sql = AssertSqlSafe(sql).into_sql_str();
    }
    all
}

async fn closed_lists_open_and_the_log_goes_on(older: Older) {
    let Older(database) = older;
    let store = AuthStore::open(&database.url).await.unwrap();
    let mut reader = store.log_reader();
    let page = reader.poll(0).await.unwrap();
    assert_eq!((page.log, page.head), (LogId([1; 16]), 1));
    assert_eq!((page.horizon.era, page.horizon.before.map(|before| before.era)), (Era(7), Some(Era(6))));
    assert_eq!(page.entries[1].revocation, Revocation::Session(SessionId::from_u128(5)));
    assert_eq!(page.entries[1].logged.fingerprint, EntryFingerprint([1; 16]));
    let next = Revocation::User { id: UserId::from_u128(6), generation: 2, cause: Cause::Ended };
    assert_eq!(store.revoke(&next, stamp()).await.unwrap().revision, 2);
    assert_eq!(reader.poll(2).await.unwrap().entries[0].revocation, next, "the trigger is there");
    reader.close().await;
    store.close().await;
    database.run(MORE).await;
}

on_both_engines!(super::Older: closed_lists_open_and_the_log_goes_on);
