//! Opens a server's database: migrated, with one pool for writes and one for reads.

use std::sync::Arc;
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
use crate::measures::{PoolMeasure, WorkTimes};
use crate::startup::START_TIMEOUT;
use crate::url::PostgresUrl;
use crate::{Migrations, OpenError};

/// Default name of a service's connections.
pub(super) const APPLICATION_NAME: &str = "gatepost";

/// Number of connections of each pool: a server takes a hundred by default, and replicas share them.
const POOL_CONNECTIONS: usize = 8;

/// An open database of a PostgreSQL server.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub(super) readers: Pool,
    pub(super) writers: Pool,
    followers: Dialer,
    abandoned: AbandonedWork,
    work: Arc<WorkTimes>,
    /// Time limits for the distance that was measured at the start.
    pub(super) times: TimeLimits,
}

impl Postgres {
    /// Opens the database and applies the missing migrations, one process at a time. Waits half a minute for the server
    /// to start, and half a minute for another process that migrates.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open(server: &PostgresUrl, migrations: &Migrations) -> Result<Self, OpenError> {
        let session = SessionOptions::from_server(server, APPLICATION_NAME);
        let times = migrate(&server.to_string(), &session, migrations, START_TIMEOUT).await?;
        Ok(Self::with_time_limits(times, session))
    }

    /// Opens the database and leaves its migrations as they are.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do. Also if the database is not of this version.
    pub async fn open_beside(server: &PostgresUrl, migrations: &Migrations) -> Result<Self, OpenError> {
        let session = SessionOptions::from_server(server, APPLICATION_NAME);
        let times = check(&server.to_string(), &session, migrations.postgres).await?;
        Ok(Self::with_time_limits(times, session))
    }

    /// Creates the pools. Writes cannot be repeated, so the writers' pool tests a connection that was idle for a
    /// second.
    fn with_time_limits(times: TimeLimits, session: SessionOptions) -> Self {
        let address = Address::default();
        let readers =
            Dialer::new(session.clone().with_settings(times.reader_settings()), times, Purpose::Read, &address);
        let writers = Dialer::new(session.with_settings(times.writer_settings()), times, Purpose::Write, &address);
        let abandoned = AbandonedWork::new(readers.for_purpose(Purpose::Read));
        let limits = |acquire, trusted| PoolLimits { connections: POOL_CONNECTIONS, acquire, trusted };
        Self {
            followers: readers.for_purpose(Purpose::Follow),
            readers: Pool::new(readers, limits(times.acquire_reader(), Duration::MAX), &abandoned),
            writers: Pool::new(writers, limits(ACQUIRE_WRITER_TIMEOUT, Duration::from_secs(1)), &abandoned),
            abandoned,
            work: Arc::default(),
            times,
        }
    }

    /// Returns the times of the work.
    pub fn work(&self) -> &WorkTimes {
        &self.work
    }

    /// Returns the pools for reads and for writes.
    pub(crate) fn pools(&self) -> [PoolMeasure<'_>; 2] {
        [self.readers.measure("read"), self.writers.measure("write")]
    }

    /// Returns a dedicated connection for polls.
    pub(crate) fn primary_connection(&self) -> PrimaryConnection {
        PrimaryConnection::new(self.followers.clone())
    }

    /// Returns the retry state of a read.
    pub fn read_retries(&self) -> ReadRetries {
        ReadRetries::new()
    }

    /// Returns the retry state of a write.
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
    use crate::{DatabaseUrl, SessionSetting};

    static NONE: Migrations = Migrations { sqlite: &Migrator::DEFAULT, postgres: &Migrator::DEFAULT, in_steps: &[] };

    /// Returns the settings that the client has set for its session. On a Unix socket the server reports 0 for
    /// `tcp_user_timeout`.
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
            for SessionSetting { name, value } in wanted {
                let value = if name == "tcp_user_timeout" { "0" } else { &*value };
                assert_eq!(set.get(&*name).map(String::as_str), Some(value), "{name}");
            }
            for name in ["synchronous_commit", "extra_float_digits"] {
                assert!(!set.contains_key(name), "{name} is left as the server has it");
            }
        }
    }
}
