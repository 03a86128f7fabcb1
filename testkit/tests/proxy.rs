//! The proxy's faults, on command only.

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

/// Time limit of a step, for a busy machine.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Time without bytes that counts as silence.
const SILENCE: Duration = Duration::from_millis(200);

/// Starts a server that echoes all bytes.
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

/// Sends bytes and returns the answer; fails if the connection ends first.
async fn ask(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    read(stream, bytes.len()).await
}

async fn read(stream: &mut TcpStream, length: usize) -> io::Result<Vec<u8>> {
    let mut answer = vec![0; length];
    timeout(STEP_TIMEOUT, stream.read_exact(&mut answer)).await.expect("an answer or an end")?;
    Ok(answer)
}

/// Checks that no bytes come and the connection stays open.
async fn is_silent(stream: &mut TcpStream) {
    let mut answer = [0; 1];
    assert!(timeout(SILENCE, stream.read(&mut answer)).await.is_err());
}

#[tokio::test]
async fn proxy_forwards_both_ways_and_their_ends() {
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
        timeout(STEP_TIMEOUT, from.read_to_end(&mut answer))
    );
    written.unwrap();
    read.unwrap().unwrap();
    assert!(answer == sent);
}

#[tokio::test]
async fn cut_ends_existing_and_new_connections() {
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
async fn short_cut_ends_a_connection() {
    let proxy = Proxy::to_address(echo().await);
    let mut old = connect(&proxy).await;
    assert_eq!(ask(&mut old, b"a").await.unwrap(), b"a");
    proxy.cut();
    proxy.pass();
    assert!(ask(&mut old, b"b").await.is_err());
}

#[tokio::test]
async fn black_hole_holds_bytes_until_its_end() {
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
    // Dropped answers stay lost, but the server's close is forwarded.
    proxy.pass();
    assert!(read(&mut client, 1).await.is_err());
}

#[tokio::test]
async fn lost_answer_can_be_waited_for() {
    let proxy = Proxy::to_address(echo().await);
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    proxy.cut_on_answer_of(b"commit");
    assert_eq!(ask(&mut one, b"begin").await.unwrap(), b"begin");
    assert!(timeout(SILENCE, proxy.fired()).await.is_err());
    assert!(ask(&mut one, b"COMMIT").await.is_err());
    timeout(STEP_TIMEOUT, proxy.fired()).await.unwrap();
    assert_eq!(ask(&mut other, b"commit").await.unwrap(), b"commit");
}

#[tokio::test]
async fn server_is_gone_after_one_lost_answer() {
    let proxy = Proxy::to_address(echo().await);
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    proxy.go_on_answer_of(b"commit");
    assert_eq!(ask(&mut other, b"begin").await.unwrap(), b"begin");
    assert!(ask(&mut one, b"commit").await.is_err());
    timeout(STEP_TIMEOUT, proxy.fired()).await.unwrap();
    assert!(ask(&mut other, b"select").await.is_err());
    proxy.pass();
    assert_eq!(ask(&mut connect(&proxy).await, b"select").await.unwrap(), b"select");
}

#[tokio::test]
async fn frozen_client_sends_a_number_of_requests() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::to_address(listener.local_addr().unwrap());
    let mut client = connect(&proxy).await;
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.freeze_after(2);
    for request in [b"one", b"two"] {
        assert!(timeout(SILENCE, proxy.fired()).await.is_err());
        client.write_all(request).await.unwrap();
        assert_eq!(read(&mut server, 3).await.unwrap(), request);
    }
    timeout(STEP_TIMEOUT, proxy.fired()).await.unwrap();
    assert_eq!(proxy.requests(), 2);
    server.write_all(b"answer").await.unwrap();
    is_silent(&mut client).await;
    proxy.pass();
    assert_eq!(read(&mut client, 6).await.unwrap(), b"answer");
}

#[tokio::test]
async fn missing_server_ends_the_connection() {
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
async fn latency_does_not_reduce_throughput() {
    // Pieces of 64 KiB that wait for each other would take 12 s.
    const BYTES: usize = 8 * 1024 * 1024;
    let proxy = Proxy::to_address(echo().await);
    let (mut from, mut to) = connect(&proxy).await.into_split();
    proxy.latency(Duration::from_millis(50));
    let began = Instant::now();
    let written = tokio::spawn(async move { to.write_all(&vec![7; BYTES]).await });
    let mut read = vec![0; BYTES];
    timeout(STEP_TIMEOUT, from.read_exact(&mut read)).await.unwrap().unwrap();
    written.await.unwrap().unwrap();
    assert!(read.iter().all(|byte| *byte == 7));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test]
async fn dropped_proxy_to_a_socket_ends_connections() {
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
async fn commit_with_lost_answer_is_committed() {
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
    timeout(STEP_TIMEOUT, proxy.fired()).await.unwrap();
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let found: Vec<i32> = sqlx::query_scalar("select n from numbers").fetch_all(&mut connection).await.unwrap();
    assert_eq!(found, [1]);
}
