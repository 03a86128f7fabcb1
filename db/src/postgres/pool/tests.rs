//! Tests of the pool against servers, some of them behind a proxy.

use std::str::FromStr as _;

use futures_util::FutureExt as _;
use kit::call;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use testkit::postgres::{PostgresServer, server};
use testkit::proxy::Proxy;
use tokio::time::{self, timeout};

use super::*;
use crate::postgres::address::Address;
use crate::postgres::dialer::Purpose;
use crate::postgres::limit::limited;
use crate::postgres::time_limits::TimeLimits;

const LIMITS: PoolLimits =
    PoolLimits { connections: 4, acquire: Duration::from_secs(10), trusted: Duration::from_hours(1) };

fn pool(url: &str, limits: PoolLimits) -> Pool {
    let options = PgConnectOptions::from_str(url).unwrap();
    let dialer = Dialer::new(options.into(), TimeLimits::default(), Purpose::Write, &Address::default());
    let abandoned = AbandonedWork::new(dialer.for_purpose(Purpose::Read));
    Pool::new(dialer, limits, &abandoned)
}

async fn all(pool: &Pool) -> Vec<UsedConnection> {
    let mut all = Vec::new();
    for _ in 0..LIMITS.connections {
        all.push(pool.acquire().await.unwrap());
    }
    all
}

async fn process(used: &mut UsedConnection) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(used.connection()).await.unwrap()
}

async fn outside(server: &PostgresServer) -> PgConnection {
    PgConnectOptions::from_str(&server.url("postgres")).unwrap().connect().await.unwrap()
}

/// Begins a statement that ends only when `holder` unlocks, and abandons it.
async fn give_up(mut used: UsedConnection) {
    used.begin(PendingWork::Statement);
    let waiting = limited(Duration::from_millis(100), used.connection().execute("select pg_advisory_lock(1)"));
    assert!(waiting.await.is_err());
}

#[tokio::test]
async fn connections_returned_in_an_outage_free_permits() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let pool = pool(&server.url_at(proxy.address(), "postgres"), LIMITS);
    let used = all(&pool).await;
    proxy.half_open();
    used.into_iter().for_each(UsedConnection::give_back);
    let mut one = pool.acquire().await.unwrap();
    assert!(limited(Duration::from_millis(200), one.connection().ping()).await.is_err(), "the answer is lost");
    drop(one);
    pool.mark_lost();
    proxy.pass();
    for mut used in all(&pool).await {
        used.connection().ping().await.unwrap();
    }
    pool.close().await;
    assert!(matches!(pool.acquire().await, Err(Error::PoolClosed)));
}

#[tokio::test]
async fn pool_never_exceeds_its_connections() {
    let Some(database) = testkit::postgres::database().await else { return };
    let pool = pool(&database.url, PoolLimits { acquire: Duration::from_millis(200), ..LIMITS });
    let mut used = all(&pool).await;
    assert!(matches!(pool.acquire().await, Err(Error::PoolTimedOut)), "there is no fifth connection");
    used.pop().unwrap().give_back();
    pool.acquire().await.unwrap();
}

#[tokio::test]
async fn abandoned_statement_keeps_its_connection() {
    let Some(server) = server().await else { return };
    let pool = pool(&server.url("postgres"), PoolLimits { connections: 1, ..LIMITS });
    let mut holder = outside(&server).await;
    holder.execute("select pg_advisory_lock(1)").await.unwrap();
    let mut used = pool.acquire().await.unwrap();
    let first = process(&mut used).await;
    give_up(used).await;
    let mut next = Box::pin(pool.acquire());
    assert!(
        limited(Duration::from_millis(700), async { Ok(next.as_mut().await) }).await.is_err(),
        "the only permit is taken"
    );
    holder.execute("select pg_advisory_unlock(1)").await.unwrap();
    let mut next = next.await.unwrap();
    assert_eq!(process(&mut next).await, first);
}

#[tokio::test]
async fn work_on_a_cut_connection_counts_until_it_ends() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let pool = pool(&server.url_at(proxy.address(), "postgres"), PoolLimits { connections: 2, ..LIMITS });
    let mut holder = outside(&server).await;
    holder.execute("select pg_advisory_lock(1)").await.unwrap();
    let (one, other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    give_up(one).await;
    give_up(other).await;
    proxy.cut();
    proxy.pass();
    let mut next = Box::pin(pool.acquire());
    assert!(limited(Duration::from_millis(700), async { Ok(next.as_mut().await) }).await.is_err(), "both still run");
    holder.close().await.unwrap();
    next.await.unwrap();
}

#[tokio::test]
async fn abandoned_calls_open_no_more_connections() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let pool = pool(&server.url_at(proxy.address(), "postgres"), LIMITS);
    proxy.black_hole();
    for _ in 0..100 {
        assert!(limited(Duration::from_millis(5), pool.acquire()).await.is_err());
    }
    assert!(proxy.connections() <= 10, "{}", proxy.connections());
    proxy.pass();
    pool.acquire().await.unwrap();
}

#[tokio::test]
async fn full_server_is_asked_rarely() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    outside(&server).await.execute("create role few login connection limit 0").await.unwrap();
    let url = server.url_at(proxy.address(), "postgres").replace("postgres@", "few@");
    let pool = pool(&url, PoolLimits { acquire: Duration::from_secs(2), ..LIMITS });
    let calls = (0..50).map(|_| pool.acquire());
    for call in futures_util::future::join_all(calls).await {
        assert!(matches!(call, Err(Error::PoolTimedOut)), "{call:?}");
    }
    assert!(proxy.connections() < 30, "{}", proxy.connections());
}

#[tokio::test]
async fn call_is_refused_before_its_deadline() {
    let Some(database) = testkit::postgres::database().await else { return };
    let pool = pool(&database.url, LIMITS);
    let _used = all(&pool).await;
    let end = time::Instant::now() + Duration::from_millis(100);
    let refused = call::run_until(end, pool.acquire()).await;
    assert!(matches!(refused, Err(Error::PoolTimedOut)) && time::Instant::now() < end, "{refused:?}");
}

/// The queue was never empty for longer than one call may wait, but each call got its connection in time.
#[tokio::test]
async fn call_behind_a_moving_queue_has_its_whole_wait() {
    let Some(database) = testkit::postgres::database().await else { return };
    let pool = pool(&database.url, PoolLimits { connections: 1, acquire: Duration::from_secs(1), ..LIMITS });
    let held = pool.acquire().await.unwrap();
    let (mut first, mut second) = (Box::pin(pool.acquire()), Box::pin(pool.acquire()));
    assert!(timeout(Duration::from_millis(600), &mut first).await.is_err(), "the connection is in use");
    assert!(second.as_mut().now_or_never().is_none());
    held.give_back();
    let held = first.await.unwrap();
    assert!(timeout(Duration::from_millis(500), &mut second).await.is_err(), "the connection is in use");
    let mut third = Box::pin(pool.acquire());
    assert!(timeout(Duration::from_millis(200), &mut third).await.is_err(), "a wait lasts for a second");
    held.give_back();
    second.await.unwrap().give_back();
    third.await.unwrap();
}
