//! The proxy fails as it is told to, and only then.

#![cfg(test)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};
use testkit::postgres::server;
use testkit::proxy::Proxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::time::timeout;

/// More than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// How long nothing has to happen: no event shows that.
const NOTHING: Duration = Duration::from_millis(200);

/// A server that answers each byte with the same one.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    address
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

/// What comes back for some bytes: an error when the connection ends before that.
async fn ask(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    read(stream, bytes.len()).await
}

async fn read(stream: &mut TcpStream, length: usize) -> io::Result<Vec<u8>> {
    let mut answer = vec![0; length];
    timeout(LIMIT, stream.read_exact(&mut answer)).await.expect("an answer or an end")?;
    Ok(answer)
}

/// Nothing comes, and the connection does not end.
async fn is_silent(stream: &mut TcpStream) {
    let mut answer = [0; 1];
    assert!(timeout(NOTHING, stream.read(&mut answer)).await.is_err());
}

#[tokio::test]
async fn it_forwards_both_ways_and_the_end_of_each() {
    let proxy = Proxy::to_address(echo().await);
    let mut stream = connect(&proxy).await;
    let sent: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let (mut from, mut to) = stream.split();
    let mut answer = Vec::new();
    let (written, read) = tokio::join!(
        async {
            to.write_all(&sent).await?;
            to.shutdown().await
        },
        timeout(LIMIT, from.read_to_end(&mut answer))
    );
    written.unwrap();
    read.unwrap().unwrap();
    assert!(answer == sent);
}

#[tokio::test]
async fn a_cut_ends_what_is_there_and_what_comes() {
    let proxy = Proxy::to_address(echo().await);
    let mut old = connect(&proxy).await;
    assert_eq!(ask(&mut old, b"a").await.unwrap(), b"a");
    proxy.cut();
    assert!(ask(&mut old, b"b").await.is_err());
    assert!(ask(&mut connect(&proxy).await, b"c").await.is_err());
    proxy.pass();
    assert_eq!(ask(&mut connect(&proxy).await, b"d").await.unwrap(), b"d");
}

#[tokio::test]
async fn a_short_cut_ends_a_connection_too() {
    let proxy = Proxy::to_address(echo().await);
    let mut old = connect(&proxy).await;
    assert_eq!(ask(&mut old, b"a").await.unwrap(), b"a");
    proxy.cut();
    proxy.pass();
    assert!(ask(&mut old, b"b").await.is_err());
}

#[tokio::test]
async fn a_black_hole_holds_everything_until_it_ends() {
    let proxy = Proxy::to_address(echo().await);
    let mut old = connect(&proxy).await;
    assert_eq!(ask(&mut old, b"a").await.unwrap(), b"a");
    proxy.black_hole();
    let mut new = connect(&proxy).await;
    for stream in [&mut old, &mut new] {
        stream.write_all(b"b").await.unwrap();
        is_silent(stream).await;
    }
    proxy.pass();
    for stream in [&mut old, &mut new] {
        assert_eq!(read(stream, 1).await.unwrap(), b"b");
    }
}

#[tokio::test]
async fn half_open_connections_lose_their_answers() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::to_address(listener.local_addr().unwrap());
    let mut client = connect(&proxy).await;
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.half_open();
    client.write_all(b"question").await.unwrap();
    assert_eq!(read(&mut server, 8).await.unwrap(), b"question");
    server.write_all(b"answer").await.unwrap();
    server.shutdown().await.unwrap();
    is_silent(&mut client).await;
    // What was lost stays lost, but not that the server has closed.
    proxy.pass();
    assert!(read(&mut client, 1).await.is_err());
}

#[tokio::test]
async fn one_answer_is_lost_and_that_can_be_waited_for() {
    let proxy = Proxy::to_address(echo().await);
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    proxy.cut_on_answer_of(b"commit");
    assert_eq!(ask(&mut one, b"begin").await.unwrap(), b"begin");
    assert!(timeout(NOTHING, proxy.fired()).await.is_err());
    assert!(ask(&mut one, b"COMMIT").await.is_err());
    timeout(LIMIT, proxy.fired()).await.unwrap();
    assert_eq!(ask(&mut other, b"commit").await.unwrap(), b"commit");
}

#[tokio::test]
async fn one_answer_is_lost_and_the_server_is_gone() {
    let proxy = Proxy::to_address(echo().await);
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    proxy.go_on_answer_of(b"commit");
    assert_eq!(ask(&mut other, b"begin").await.unwrap(), b"begin");
    assert!(ask(&mut one, b"commit").await.is_err());
    timeout(LIMIT, proxy.fired()).await.unwrap();
    assert!(ask(&mut other, b"select").await.is_err());
    proxy.pass();
    assert_eq!(ask(&mut connect(&proxy).await, b"select").await.unwrap(), b"select");
}

#[tokio::test]
async fn a_frozen_client_has_sent_so_many_requests() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::to_address(listener.local_addr().unwrap());
    let mut client = connect(&proxy).await;
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.freeze_after(2);
    for request in [b"one", b"two"] {
        assert!(timeout(NOTHING, proxy.fired()).await.is_err());
        client.write_all(request).await.unwrap();
        assert_eq!(read(&mut server, 3).await.unwrap(), request);
    }
    timeout(LIMIT, proxy.fired()).await.unwrap();
    assert_eq!(proxy.requests(), 2);
    server.write_all(b"answer").await.unwrap();
    is_silent(&mut client).await;
    proxy.pass();
    assert_eq!(read(&mut client, 6).await.unwrap(), b"answer");
}

#[tokio::test]
async fn a_server_that_is_not_there_ends_the_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::to_address(listener.local_addr().unwrap());
    drop(listener);
    assert!(ask(&mut connect(&proxy).await, b"a").await.is_err());
}

#[tokio::test]
async fn latency_is_added_in_each_direction() {
    let proxy = Proxy::to_address(echo().await);
    let mut stream = connect(&proxy).await;
    proxy.latency(Duration::from_millis(50));
    let began = Instant::now();
    assert_eq!(ask(&mut stream, b"a").await.unwrap(), b"a");
    assert!(began.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn latency_takes_nothing_from_the_throughput() {
    // Pieces of at most 64 KiB that wait for each other take 12 s.
    const BYTES: usize = 8 * 1024 * 1024;
    let proxy = Proxy::to_address(echo().await);
    let (mut from, mut to) = connect(&proxy).await.into_split();
    proxy.latency(Duration::from_millis(50));
    let began = Instant::now();
    let written = tokio::spawn(async move { to.write_all(&vec![7; BYTES]).await });
    let mut read = vec![0; BYTES];
    timeout(LIMIT, from.read_exact(&mut read)).await.unwrap().unwrap();
    written.await.unwrap().unwrap();
    assert!(read.iter().all(|byte| *byte == 7));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_socket_may_be_behind_it_and_a_dropped_proxy_ends_its_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let proxy = Proxy::to_socket(&path);
    let mut client = connect(&proxy).await;
    let (mut server, _) = listener.accept().await.unwrap();
    server.write_all(b"hello").await.unwrap();
    assert_eq!(read(&mut client, 5).await.unwrap(), b"hello");
    drop(proxy);
    assert!(read(&mut client, 1).await.is_err());
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_a_commit() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let url = server.url_at(proxy.address(), "postgres");
    let options = PgConnectOptions::from_str(&url).unwrap();
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    connection.execute("create table numbers (n int)").await.unwrap();
    proxy.cut_on_answer_of(b"commit");
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute("insert into numbers values (1)").await.unwrap();
    assert!(transaction.commit().await.is_err());
    timeout(LIMIT, proxy.fired()).await.unwrap();
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let found: Vec<i32> = sqlx::query_scalar("select n from numbers").fetch_all(&mut connection).await.unwrap();
    assert_eq!(found, [1]);
}
