//! Migrates a server's database, one process at a time.
//!
//! The driver's own lock waits inside a statement, whose snapshot deadlocks with `create index concurrently` of the process
//! that has the lock; this one is asked for again and again.

use std::io::ErrorKind;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::lease::limited;
use crate::db::error::is_broken;
use crate::db::{OpenError, migrations};

/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// How long one try or one question may take: a network that loses everything says nothing of it.
const TRY: Duration = Duration::from_secs(5);

/// A migration may take long, and a process that is killed in the middle of it must not hold the lock for longer than this:
/// the server looks whether its client is still there.
const MIGRATOR: [(&str, &str); 4] = [
    ("client_connection_check_interval", "500ms"),
    ("tcp_user_timeout", "2s"),
    ("lock_timeout", "10s"),
    // The table of migrations is there already, says a notice at each start.
    ("client_min_messages", "warning"),
];

/// Waits for the server and for the lock, each as long as the patience, and applies the migrations that are missing.
pub(super) async fn migrate(
    name: &str,
    options: &PgConnectOptions,
    migrations: &Migrator,
    patience: Duration,
) -> Result<(), OpenError> {
    let mut connection = reach(name, &options.clone().options(MIGRATOR), patience).await?;
    check_durability(name, &mut connection).await?;
    lock(name, &mut connection, patience).await?;
    migrations::run(name, &mut connection, migrations).await?;
    // The lock goes with the connection.
    answer(name, connection.close()).await
}

/// Refuses a database that has other migrations than these.
pub(super) async fn check(name: &str, options: &PgConnectOptions, migrations: &Migrator) -> Result<(), OpenError> {
    let mut connection = reach(name, options, TRY).await?;
    check_durability(name, &mut connection).await?;
    if !answer(name, super::has_table(&mut connection, &migrations.table_name)).await? {
        let first = migrations.iter().next().map_or(0, |first| first.version);
        return Err(OpenError::Older(name.to_owned(), first));
    }
    migrations::check_complete(name, &mut connection, migrations).await?;
    answer(name, connection.close()).await
}

/// Connects, and waits for a server that starts.
pub(super) async fn reach(
    name: &str,
    options: &PgConnectOptions,
    patience: Duration,
) -> Result<PgConnection, OpenError> {
    let give_up = Instant::now() + patience;
    let mut is_told = false;
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        let error = match limited(TRY.min(left), options.connect()).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if !is_broken(&error) || is_distrust(&error) || Instant::now() >= give_up {
            return Err(OpenError::Away(name.to_owned(), error.to_string()));
        }
        if !is_told {
            tracing::warn!(%error, "{name} does not answer yet: waiting for half a minute");
            is_told = true;
        }
        sleep(LOOK).await;
    }
}

/// Whether the server has no certificate, or one that is not trusted: that does not pass by itself.
fn is_distrust(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        // What the TLS library says of a certificate.
        sqlx::Error::Io(cause) => cause.kind() == ErrorKind::InvalidData,
        _ => false,
    }
}

async fn check_durability(name: &str, connection: &mut PgConnection) -> Result<(), OpenError> {
    const SQL: &str = "select current_setting('synchronous_commit')";
    let setting: String = answer(name, sqlx::query_scalar(SQL).fetch_one(connection)).await?;
    if setting == "off" { Err(OpenError::Forgetful(name.to_owned())) } else { Ok(()) }
}

/// Takes the lock of this database and schema, until the connection ends in whatever way.
async fn lock(name: &str, connection: &mut PgConnection, patience: Duration) -> Result<(), OpenError> {
    const SCHEMA: &str = "select coalesce(current_schema(), '')";
    const SQL: &str = "select pg_try_advisory_lock($1)";
    let schema: String = answer(name, sqlx::query_scalar(SCHEMA).fetch_one(&mut *connection)).await?;
    let digest = Sha256::new().chain_update(b"gatepost migrations\0").chain_update(schema).finalize();
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    let key = i64::from_be_bytes(key);
    let give_up = Instant::now() + patience;
    let mut is_told = false;
    while !answer(name, sqlx::query_scalar(SQL).bind(key).fetch_one(&mut *connection)).await? {
        if Instant::now() >= give_up {
            return Err(OpenError::Migrating(name.to_owned()));
        }
        if !is_told {
            tracing::warn!("{name} is being migrated by another process: waiting for half a minute");
            is_told = true;
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// What the server answers, or that it is away.
async fn answer<T>(name: &str, question: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, OpenError> {
    limited(TRY, question).await.map_err(|error| OpenError::Away(name.to_owned(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use harness::proxy::Proxy;

    use super::*;

    /// Long enough for a try, and no half minute.
    const SHORT: Duration = Duration::from_millis(300);

    fn options(url: &str) -> PgConnectOptions {
        PgConnectOptions::from_str(url).unwrap()
    }

    #[tokio::test]
    async fn whoever_waits_for_another_process_gives_up_and_says_so() {
        let Some(database) = harness::postgres::database().await else { return };
        let mut holder = database.connect().await;
        lock("it", &mut holder, SHORT).await.unwrap();
        let refused = migrate("it", &options(&database.url), &Migrator::DEFAULT, SHORT).await.unwrap_err();
        assert!(matches!(refused, OpenError::Migrating(_)), "{refused:?}");
        holder.close().await.unwrap();
        migrate("it", &options(&database.url), &Migrator::DEFAULT, SHORT).await.unwrap();
    }

    #[tokio::test]
    async fn schemas_of_one_database_are_locked_apart() {
        let Some(database) = harness::postgres::database().await else { return };
        database.run("create schema other").await;
        let mut holder = database.connect().await;
        lock("it", &mut holder, SHORT).await.unwrap();
        let other = options(&database.url).options([("search_path", "other")]);
        migrate("it", &other, &Migrator::DEFAULT, SHORT).await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_waited_for_and_given_up() {
        let silent = Proxy::to_address(([127, 0, 0, 1], 1).into());
        silent.black_hole();
        let refusing = Proxy::to_address(([127, 0, 0, 1], 1).into());
        refusing.cut();
        for proxy in [silent, refusing] {
            let options = options(&format!("postgres://ada@{}/d?sslmode=disable", proxy.address()));
            let refused = reach("it", &options, SHORT).await.unwrap_err();
            assert!(matches!(refused, OpenError::Away(..)), "{refused:?}");
        }
    }
}
