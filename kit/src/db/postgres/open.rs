//! Opens a server's database: migrated, with one pool that writes and one that reads.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;

use super::address::Address;
use super::debts::Debts;
use super::dialer::{Dialer, Purpose};
use super::follower::Follower;
use super::migrate::{check, migrate};
use super::pool::{Limits, Pool};
use super::tries::{Reads, Writes};
use crate::db::OpenError;
use crate::db::patience::PATIENCE;
use crate::db::url::Server;

/// What a service's connections are called.
pub(super) const APPLICATION: &str = "gatepost";

/// Connections of each pool: a server takes a hundred by default, and replicas share them.
const CONNECTIONS: usize = 8;

/// A call waits for a connection for less than the deadline of every RPC that reads, and that writes. A write, which nobody
/// may repeat, tries out a connection that has lain unused.
const READERS: Limits =
    Limits { connections: CONNECTIONS, acquire: Duration::from_millis(400), trusted: Duration::MAX };
const WRITERS: Limits =
    Limits { connections: CONNECTIONS, acquire: Duration::from_millis(1500), trusted: Duration::from_secs(1) };

/// What the server ends by itself: a read and a write below their RPCs' deadlines, a wait for another's lock before that,
/// and a transaction that its client has left alone. An answer that nobody takes ends the connection.
const READER: [(&str, &str); 5] = [
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "400ms"),
    ("lock_timeout", "300ms"),
    ("idle_in_transaction_session_timeout", "500ms"),
    ("tcp_user_timeout", "2s"),
];
const WRITER: [(&str, &str); 4] = [
    ("statement_timeout", "800ms"),
    ("lock_timeout", "700ms"),
    ("idle_in_transaction_session_timeout", "500ms"),
    ("tcp_user_timeout", "2s"),
];

/// A server's database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub(super) readers: Pool,
    pub(super) writers: Pool,
    followers: Dialer,
    debts: Debts,
}

impl Postgres {
    /// Opens the database and applies the migrations that it lacks, one process at a time. Waits for half a minute for a
    /// server that starts, and as long for a process that migrates.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub async fn open(server: &Server, migrations: &Migrator) -> Result<Self, OpenError> {
        let options = options(server);
        migrate(&server.to_string(), &options, migrations, PATIENCE).await?;
        Ok(Self::by(options))
    }

    /// Opens the database and leaves its migrations as they are.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do; also of a database that is not of this version.
    pub async fn open_beside(server: &Server, migrations: &Migrator) -> Result<Self, OpenError> {
        let options = options(server);
        check(&server.to_string(), &options, migrations).await?;
        Ok(Self::by(options))
    }

    fn by(options: PgConnectOptions) -> Self {
        let address = Address::default();
        let readers = Dialer::new(options.clone().options(READER), Purpose::Read, &address);
        let writers = Dialer::new(options.options(WRITER), Purpose::Write, &address);
        let debts = Debts::new(readers.for_purpose(Purpose::Read));
        Self {
            followers: readers.for_purpose(Purpose::Follow),
            readers: Pool::new(readers, READERS, &debts),
            writers: Pool::new(writers, WRITERS, &debts),
            debts,
        }
    }

    /// A connection of its own, for looks again and again.
    pub(in crate::db) fn follower(&self) -> Follower {
        Follower::new(self.followers.clone())
    }

    /// The tries that a read has.
    pub fn reads(&self) -> Reads {
        Reads::new()
    }

    /// The tries that a write has.
    pub fn writes(&self) -> Writes {
        Writes::new()
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
        self.debts.close();
    }
}

/// A connection of a service, which calls itself [`APPLICATION`] unless the URL has a name for it.
fn options(server: &Server) -> PgConnectOptions {
    let options = server.options();
    if options.get_application_name().is_none() { options.application_name(APPLICATION) } else { options }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sqlx::PgConnection;

    use super::*;
    use crate::db::DatabaseUrl;

    /// What the client has set for its session. On a Unix socket the server says 0 of `tcp_user_timeout`.
    async fn set_by_us(connection: &mut PgConnection) -> BTreeMap<String, String> {
        const SQL: &str = "select name, current_setting(name) from pg_settings where source = 'client'";
        let rows: Vec<(String, String)> = sqlx::query_as(SQL).fetch_all(connection).await.unwrap();
        rows.into_iter().collect()
    }

    #[tokio::test]
    async fn every_connection_has_its_limits_from_the_server() {
        let Some(database) = harness::postgres::database().await else { return };
        let DatabaseUrl::Postgres(server) = database.url.parse().unwrap() else { panic!("a server") };
        let db = Postgres::open(&server, &Migrator::DEFAULT).await.unwrap();
        let (mut reader, mut writer) = (db.lease_reader().await.unwrap(), db.lease_writer().await.unwrap());
        for (lease, wanted) in [(&mut reader, &READER[..]), (&mut writer, &WRITER[..])] {
            let set = set_by_us(lease.connection()).await;
            for (name, value) in wanted {
                let value = if *name == "tcp_user_timeout" { "0" } else { *value };
                assert_eq!(set.get(*name).map(String::as_str), Some(value), "{name}");
            }
            assert!(!set.contains_key("synchronous_commit"), "it is left as the server has it");
        }
    }
}
