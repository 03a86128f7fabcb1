//! Opens a server's database: migrated, with one pool that writes and one that reads.

use std::time::Duration;

use super::abandoned::AbandonedWork;
use super::address::Address;
use super::dialer::{Dialer, Purpose};
use super::migrate::{check, migrate};
use super::pool::{Pool, PoolLimits};
use super::primary::PrimaryConnection;
use super::retries::{ReadRetries, WriteRetries};
use super::session::SessionOptions;
use super::time_limits::{ACQUIRE_WRITER_TIMEOUT, TimeLimits};
use crate::patience::START_TIMEOUT;
use crate::url::PostgresServer;
use crate::{Migrations, OpenError};

/// What a service's connections are called.
pub(super) const APPLICATION_NAME: &str = "gatepost";

/// Connections of each pool: a server takes a hundred by default, and replicas share them.
const POOL_CONNECTIONS: usize = 8;

/// A server's database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub(super) readers: Pool,
    pub(super) writers: Pool,
    followers: Dialer,
    abandoned: AbandonedWork,
    /// PoolLimits of time at the distance that was measured when the database was opened.
    pub(super) times: TimeLimits,
}

impl Postgres {
    /// Opens the database and applies the migrations that it lacks, one process at a time. Waits for half a minute for a
    /// server that starts, and as long for a process that migrates.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub async fn open(server: &PostgresServer, migrations: &Migrations) -> Result<Self, OpenError> {
        let opening = SessionOptions::named(server, APPLICATION_NAME);
        let times = migrate(&server.to_string(), &opening, migrations, START_TIMEOUT).await?;
        Ok(Self::with_time_limits(times, opening))
    }

    /// Opens the database and leaves its migrations as they are.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do; also of a database that is not of this version.
    pub async fn open_beside(server: &PostgresServer, migrations: &Migrations) -> Result<Self, OpenError> {
        let opening = SessionOptions::named(server, APPLICATION_NAME);
        let times = check(&server.to_string(), &opening, migrations.postgres).await?;
        Ok(Self::with_time_limits(times, opening))
    }

    /// A write, which may not be repeated, tries out a connection that has lain unused.
    fn with_time_limits(times: TimeLimits, opening: SessionOptions) -> Self {
        let address = Address::default();
        let readers = Dialer::new(opening.clone().with(times.reader_settings()), times, Purpose::Read, &address);
        let writers = Dialer::new(opening.with(times.writer_settings()), times, Purpose::Write, &address);
        let abandoned = AbandonedWork::new(readers.for_purpose(Purpose::Read));
        let limits = |acquire, trusted| PoolLimits { connections: POOL_CONNECTIONS, acquire, trusted };
        Self {
            followers: readers.for_purpose(Purpose::Follow),
            readers: Pool::new(readers, limits(times.acquire_reader(), Duration::MAX), &abandoned),
            writers: Pool::new(writers, limits(ACQUIRE_WRITER_TIMEOUT, Duration::from_secs(1)), &abandoned),
            abandoned,
            times,
        }
    }

    /// A connection of its own, for looks again and again.
    pub(crate) fn primary_connection(&self) -> PrimaryConnection {
        PrimaryConnection::new(self.followers.clone())
    }

    /// The tries that a read has.
    pub fn read_retries(&self) -> ReadRetries {
        ReadRetries::new()
    }

    /// The tries that a write has.
    pub fn write_retries(&self) -> WriteRetries {
        WriteRetries::new()
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
        self.abandoned.close();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sqlx::PgConnection;
    use sqlx::migrate::Migrator;

    use super::*;
    use crate::DatabaseUrl;

    static NONE: Migrations = Migrations { sqlite: &Migrator::DEFAULT, postgres: &Migrator::DEFAULT, in_steps: &[] };

    /// What the client has set for its session. On a Unix socket the server says 0 of `tcp_user_timeout`.
    async fn set_by_us(connection: &mut PgConnection) -> BTreeMap<String, String> {
        const SQL: &str = "select name, current_setting(name) from pg_settings where source in ('client', 'session')";
        let rows: Vec<(String, String)> = sqlx::query_as(SQL).fetch_all(connection).await.unwrap();
        rows.into_iter().collect()
    }

    #[tokio::test]
    async fn every_connection_has_its_limits_from_the_server() {
        let Some(database) = testkit::postgres::database().await else { return };
        let DatabaseUrl::Postgres(server) = database.url.parse().unwrap() else { panic!("a server") };
        let db = Postgres::open(&server, &NONE).await.unwrap();
        let (mut reader, mut writer) = (db.lease_reader().await.unwrap(), db.lease_writer().await.unwrap());
        for (lease, wanted) in [(&mut reader, db.times.reader_settings()), (&mut writer, db.times.writer_settings())] {
            let set = set_by_us(lease.connection()).await;
            for (name, value) in wanted {
                let value = if name == "tcp_user_timeout" { "0".to_owned() } else { value };
                assert_eq!(set.get(name), Some(&value), "{name}");
            }
            for name in ["synchronous_commit", "extra_float_digits"] {
                assert!(!set.contains_key(name), "{name} is left as the server has it");
            }
        }
    }
}
