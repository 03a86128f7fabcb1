//! Migrates a server's database, one process at a time.
//!
//! The driver's own lock waits inside a statement, whose snapshot deadlocks with `create index concurrently` of the process
//! that has the lock; this one is asked for again and again.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::open::connect;
use crate::db::error::is_broken;
use crate::db::{OpenError, StoreError, migrations};

/// How long a start waits for the server, and then for another process that migrates.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// A migration may take long, and a process that is killed in the middle of it must not hold the lock for longer than this:
/// the server looks whether its client is still there.
const MIGRATOR: [(&str, &str); 4] = [
    ("client_connection_check_interval", "500ms"),
    ("tcp_user_timeout", "2s"),
    ("lock_timeout", "10s"),
    // The table of migrations is there already, says a notice at each start.
    ("client_min_messages", "warning"),
];

pub(super) async fn migrate(name: &str, options: &PgConnectOptions, migrations: &Migrator) -> Result<(), OpenError> {
    let mut connection = reach(name, &options.clone().options(MIGRATOR)).await?;
    let away = |error: &sqlx::Error| OpenError::Away(name.to_owned(), error.to_string());
    check_durability(name, &mut connection).await?;
    lock(name, &mut connection).await?;
    let unlocked = Migrator {
        migrations: migrations.migrations.clone(),
        table_name: migrations.table_name.clone(),
        create_schemas: migrations.create_schemas.clone(),
        locking: false,
        ..*migrations
    };
    unlocked.run_direct(None, &mut connection, false).await.map_err(|error| migrations::failed(name, &error))?;
    // The lock goes with the connection.
    connection.close().await.map_err(|error| away(&error))
}

/// Connects, and waits for a server that starts.
async fn reach(name: &str, options: &PgConnectOptions) -> Result<PgConnection, OpenError> {
    let give_up = Instant::now() + PATIENCE;
    let mut is_told = false;
    loop {
        let error = match connect(options).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if !is_broken(&error) || Instant::now() >= give_up {
            return Err(OpenError::Away(name.to_owned(), error.to_string()));
        }
        if !is_told {
            tracing::warn!(%error, "{name} does not answer yet: waiting for half a minute");
            is_told = true;
        }
        sleep(LOOK).await;
    }
}

async fn check_durability(name: &str, connection: &mut PgConnection) -> Result<(), OpenError> {
    const SQL: &str = "select current_setting('synchronous_commit')";
    let setting: String = sqlx::query_scalar(SQL)
        .fetch_one(connection)
        .await
        .map_err(|error| OpenError::Away(name.to_owned(), error.to_string()))?;
    if setting == "off" { Err(OpenError::Forgetful(name.to_owned())) } else { Ok(()) }
}

/// Takes the lock of this database and schema, until the connection ends in whatever way.
async fn lock(name: &str, connection: &mut PgConnection) -> Result<(), OpenError> {
    const SCHEMA: &str = "select coalesce(current_schema(), '')";
    const SQL: &str = "select pg_try_advisory_lock($1)";
    let away = |error: sqlx::Error| OpenError::Away(name.to_owned(), StoreError::from(error).to_string());
    let schema: String = sqlx::query_scalar(SCHEMA).fetch_one(&mut *connection).await.map_err(away)?;
    let digest = Sha256::new().chain_update(b"gatepost migrations\0").chain_update(schema).finalize();
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    let give_up = Instant::now() + PATIENCE;
    loop {
        let is_ours: bool =
            sqlx::query_scalar(SQL).bind(i64::from_be_bytes(key)).fetch_one(&mut *connection).await.map_err(away)?;
        if is_ours {
            return Ok(());
        }
        if Instant::now() >= give_up {
            return Err(OpenError::Migrating(name.to_owned()));
        }
        sleep(LOOK).await;
    }
}
