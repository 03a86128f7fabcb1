//! A server behind a balancer that speaks the PROXY protocol.

use kit::peer::{ProxyProtocol, networks};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{TestServer, start_with};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, PROXY, TCP over IPv4, 12 bytes: 198.51.100.7:4711 to 192.0.2.1:443.
const REST: [u8; 16] = [0x21, 0x11, 0, 12, 198, 51, 100, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 0xbb];
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn behind(trusted: &str) -> TestServer {
    let protocol = ProxyProtocol::new(networks(trusted).unwrap());
    start_with(|parts| {
        parts.limits.address_connections = Some(1);
        parts.proxy_protocol = Some(protocol);
    })
    .await
}

/// Sends these bytes on a new connection. Returns the server's first bytes, or no bytes if it closes the connection.
async fn answer(server: &TestServer, parts: &[&[u8]]) -> Vec<u8> {
    connect(server, parts).await.1
}

/// Sends these bytes on a new connection. Returns the connection and the server's first bytes, if there are some.
async fn connect(server: &TestServer, parts: &[&[u8]]) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for part in parts {
        stream.write_all(part).await.unwrap();
    }
    let mut first = [0; 9];
    let read = stream.read_exact(&mut first).await;
    (stream, read.map_or(Vec::new(), |_| first.to_vec()))
}

/// The limit of one connection counts the callers' addresses, not the proxy's.
#[tokio::test]
async fn callers_behind_a_proxy_have_a_limit_each() {
    let server = behind("127.0.0.1").await;
    let mut other = REST;
    other[7] = 8;
    let (one, first) = connect(&server, &[SIGNATURE, &REST, PREFACE]).await;
    let (_two, second) = connect(&server, &[SIGNATURE, &other, PREFACE]).await;
    assert!(!first.is_empty() && !second.is_empty());
    assert!(answer(&server, &[SIGNATURE, &REST, PREFACE]).await.is_empty(), "the first caller has its connection");
    drop(one);
    while answer(&server, &[SIGNATURE, &REST, PREFACE]).await.is_empty() {}
}

#[tokio::test]
async fn connection_behind_the_header_is_served() {
    let server = behind("127.0.0.1").await;
    let first = answer(&server, &[SIGNATURE, &REST, PREFACE]).await;
    assert_eq!(first.get(3), Some(&4), "a SETTINGS frame");
}

#[tokio::test]
async fn connection_without_a_header_is_closed() {
    let server = behind("127.0.0.1").await;
    assert!(answer(&server, &[PREFACE]).await.is_empty());
    let first = answer(&server, &[SIGNATURE, &REST, PREFACE]).await;
    assert!(!first.is_empty(), "the next connection is served");
}

#[tokio::test]
async fn untrusted_peer_is_served_without_a_header() {
    let server = behind("10.0.0.0/8").await;
    let first = answer(&server, &[PREFACE]).await;
    assert_eq!(first.get(3), Some(&4), "a SETTINGS frame");
}
