//! Servers that stall, wait for a standby or change a plan: the pools open few connections, and reads continue.

use std::time::Duration;

use db::{StoreError, TransactionOutcome, read, transaction, within, write_one};
use futures_util::future::join_all;
use sqlx::{Connection as _, Executor as _, PgConnection};
use testkit::postgres::server;
use testkit::proxy::Proxy;
use tokio::time::timeout;

use crate::support::{Case, Notes, add, database_of, open};

/// Number of connections of each pool.
const POOL: usize = 8;

#[tokio::test]
async fn waiting_commits_take_no_further_connections() {
    const BACKENDS: &str = "select count(*) from pg_stat_activity where application_name = 'gatepost'";
    const COMMITS: &str = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
    const ABSENT: &str = "alter system set synchronous_standby_names = 'absent'";
    const PRESENT: &str = "alter system reset synchronous_standby_names";
    const RELOAD: &str = "select pg_reload_conf()";
    let Some(server) = server().await else { return };
    let url = server.create_database().await.unwrap();
    let notes = Notes { db: open(&url.parse().unwrap()).await.unwrap() };
    let mut outside = PgConnection::connect(&server.url("postgres")).await.unwrap();
    outside.execute(ABSENT).await.unwrap();
    outside.execute(RELOAD).await.unwrap();
    let is_set = async |outside: &mut PgConnection, wanted: &str| {
        let names: String = sqlx::query_scalar("show synchronous_standby_names").fetch_one(outside).await.unwrap();
        names == wanted
    };
    while !is_set(&mut outside, "absent").await {}
    for wave in 1..=3 {
        let writes = (0..30).map(|number| add(notes.db.clone(), wave * 100 + number, format!("{wave} {number}")));
        for written in join_all(writes).await {
            assert!(matches!(written, Err(StoreError::Unknown(_) | StoreError::Unavailable(_))), "{written:?}");
        }
        assert!(notes.notes().await.is_empty(), "reads still succeed");
        let backends: i64 = sqlx::query_scalar(BACKENDS).fetch_one(&mut outside).await.unwrap();
        let commits: i64 = sqlx::query_scalar(COMMITS).fetch_one(&mut outside).await.unwrap();
        assert_eq!(usize::try_from(commits), Ok(POOL), "one per connection of the pool, in wave {wave}");
        assert!(usize::try_from(backends).unwrap() <= 2 * POOL + 1, "{backends} in wave {wave}");
    }
    outside.execute(PRESENT).await.unwrap();
    outside.execute(RELOAD).await.unwrap();
    while !is_set(&mut outside, "").await {}
    notes.add(1, "one").await.unwrap();
    let stand = async { while notes.notes().await.len() != 1 + POOL {} };
    timeout(Duration::from_secs(20), stand).await.expect("the waiting commits are stored");
}

#[tokio::test]
async fn stall_leaves_the_connections_as_they_are() {
    let Some(server) = server().await else { return };
    let url = server.create_database().await.unwrap();
    let name = database_of(&url);
    let proxy = Proxy::to_socket(server.socket());
    let notes = Notes { db: open(&server.url_at(proxy.address(), &name).parse().unwrap()).await.unwrap() };
    let reads = async || {
        let reads = (0..50).map(|_| async {
            let read: Result<Vec<i32>, StoreError> =
                read!(notes.db, |reader| sqlx::query_scalar("select id from notes").fetch_all(reader));
            read.is_ok()
        });
        join_all(reads).await.into_iter().filter(|is_ok| *is_ok).count()
    };
    assert_eq!(reads().await, 50);
    let before = proxy.connections();
    server.pause().await.unwrap();
    for _ in 0..3 {
        assert_eq!(reads().await, 0);
    }
    server.resume().await.unwrap();
    let mut ok = 0;
    while ok < 50 {
        ok = reads().await;
    }
    assert!(proxy.connections() - before <= 8, "{} more", proxy.connections() - before);
}

#[tokio::test]
async fn changed_plan_is_prepared_again() {
    const READ: &str = "select * from notes order by id";
    const WRITE: &str = "insert into notes (id, text) values ($1, $2) returning *";
    let Some(case) = Case::postgres().await else { return };
    let tries = async |id: i32| {
        let read: Result<Vec<(i32, String)>, StoreError> =
            read!(case.db, |reader| sqlx::query_as(READ).fetch_all(reader));
        read.unwrap();
        let written: Option<(i32,)> =
            write_one!(case.db, sqlx::query_as(WRITE).bind(id).bind(format!("note {id}"))).unwrap();
        assert_eq!(written, Some((id,)));
        let next = id + 1;
        let work = transaction!(case.db, async move |mut tx| {
            let written: (i32,) = within!(tx, |connection| sqlx::query_as(WRITE)
                .bind(next)
                .bind(format!("note {next}"))
                .fetch_one(connection))?;
            Ok(TransactionOutcome::Commit(written.0))
        });
        assert_eq!(work.unwrap(), next);
    };
    tries(1).await;
    for (id, column) in [(3, "one"), (5, "two"), (7, "three")] {
        case.database.run(&format!("alter table notes add column {column} int")).await;
        tries(id).await;
    }
    assert_eq!(case.notes().await, [1, 2, 3, 4, 5, 6, 7, 8]);
}
