//! A standby is promoted, and the address leads to it. All connections follow: no connection stays with the old server.

use std::time::Duration;

use db::{SqlStatement, StoreError, read};
use sqlx::{Connection as _, Executor as _, PgConnection};
use testkit::postgres::{PostgresServer, server};
use testkit::proxy::Proxy;
use tokio::time::timeout;

use crate::support::{Notes, database_of, open};

/// Longest wait for a state that a test must poll for.
const STATE_TIMEOUT: Duration = Duration::from_secs(20);

/// A primary, its standby, and a database opened by an address that leads to the primary.
struct PrimaryAndStandby {
    notes: Notes,
    address: Proxy,
    old: PostgresServer,
    new: PostgresServer,
    name: String,
}

impl PrimaryAndStandby {
    async fn start() -> Option<Self> {
        let old = server().await?;
        let url = old.create_database().await.unwrap();
        let name = database_of(&url);
        let new = old.start_standby().await.unwrap();
        let address = Proxy::to_socket(old.socket());
        let db = open(&old.url_at(address.address(), &name).parse().unwrap()).await.unwrap();
        let pair = Self { notes: Notes { db }, address, old, new, name };
        pair.notes.add(1, "one").await.unwrap();
        assert_eq!(pair.notes.notes().await, [1]);
        pair.until_replayed(1).await;
        Some(pair)
    }

    /// Waits until the standby has replayed the note.
    async fn until_replayed(&self, id: i32) {
        let mut connection = connect(&self.new, &self.name).await;
        let replayed = async {
            while !ids(&mut connection).await.contains(&id) {
                tokio::task::yield_now().await;
            }
        };
        timeout(STATE_TIMEOUT, replayed).await.unwrap();
    }
}

async fn connect(server: &PostgresServer, name: &str) -> PgConnection {
    PgConnection::connect(&server.url(name)).await.unwrap()
}

/// Returns the notes that the connection sees; empty without a table.
async fn ids(connection: &mut PgConnection) -> Vec<i32> {
    sqlx::query_scalar("select id from notes order by id").fetch_all(connection).await.unwrap_or_default()
}

/// Ends the service's connections to a server.
async fn end_all(server: &PostgresServer) {
    const SQL: &str = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatepost'";
    connect(server, "postgres").await.execute(SQL).await.unwrap();
}

#[tokio::test]
async fn writes_return_once_the_primary_is_reached() {
    let Some(pair) = PrimaryAndStandby::start().await else { return };
    pair.new.promote().await.unwrap();
    pair.old.stop_fast().await.unwrap();
    pair.old.stand_by(&pair.new).unwrap();
    pair.old.start_again().await.unwrap();
    for _ in 0..3 {
        let refused = pair.notes.add(2, "two").await;
        // The first try may lose its connection, which leaves the write unknown.
        assert!(matches!(refused, Err(StoreError::Unavailable(_) | StoreError::Unknown(_))), "{refused:?}");
    }
    assert_eq!(pair.notes.notes().await, [1], "reads still succeed");
    pair.address.lead_to_socket(pair.new.socket());
    pair.notes.add(3, "three").await.unwrap();
    let read = async { while pair.notes.notes().await != [1, 3] {} };
    timeout(STATE_TIMEOUT, read).await.unwrap();
}

#[tokio::test]
async fn connections_leave_a_superseded_server() {
    let Some(pair) = PrimaryAndStandby::start().await else { return };
    let mut watcher = pair.notes.db.watcher();
    let mut poll = async || {
        let ids = SqlStatement::new("select cast(id as bigint) from notes order by id");
        watcher.select::<(i64,)>(ids).await
    };
    assert_eq!(poll().await.unwrap(), [(1,)]);
    pair.new.promote().await.unwrap();
    pair.address.lead_to_socket(pair.new.socket());
    // The old server still runs, and would take all writes. One connection is lost, and the next one shows the new
    // server.
    let mut old = connect(&pair.old, &pair.name).await;
    let lost = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatepost' \
        and query like 'insert%'";
    assert_eq!(old.execute(lost).await.unwrap().rows_affected(), 1);
    let mut id = 2;
    while pair.notes.add(id, &format!("note {id}")).await.is_err() {
        id += 1;
    }
    assert_eq!(pair.notes.notes().await, [1, id], "a read follows");
    assert_eq!(poll().await.unwrap(), [(1,), (i64::from(id),)], "a poll follows");
    assert_eq!(ids(&mut old).await, [1], "the old server gets no write");
}

#[tokio::test]
async fn superseded_server_is_refused() {
    let Some(pair) = PrimaryAndStandby::start().await else { return };
    pair.new.promote().await.unwrap();
    pair.address.lead_to_socket(pair.new.socket());
    end_all(&pair.old).await;
    while pair.notes.add(2, "two").await.is_err() {}
    pair.address.lead_to_socket(pair.old.socket());
    end_all(&pair.new).await;
    for _ in 0..3 {
        let refused = pair.notes.add(3, "three").await;
        assert!(refused.is_err(), "{refused:?}");
        let refused: Result<Vec<i32>, StoreError> =
            read!(pair.notes.db, |reader| sqlx::query_scalar("select id from notes").fetch_all(reader));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(ids(&mut connect(&pair.old, &pair.name).await).await, [1]);
}
