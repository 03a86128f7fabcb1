//! A server behind a balancer that speaks the PROXY protocol.

use kit::peer::{ProxyProtocol, networks};
use kit::serve::ServerLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{Server, start_behind};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, PROXY, TCP over IPv4, 12 bytes: 198.51.100.7:4711 to 192.0.2.1:443.
const REST: [u8; 16] = [0x21, 0x11, 0, 12, 198, 51, 100, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 0xbb];
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn behind(trusted: &str) -> Server {
    let protocol = ProxyProtocol::new(networks(trusted).unwrap());
    start_behind(ServerLimits::default(), Some(protocol)).await
}

/// The first bytes that the server sends to a connection that begins thus; none if it closes it.
async fn answer(server: &Server, parts: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for part in parts {
        stream.write_all(part).await.unwrap();
    }
    let mut first = [0; 9];
    match stream.read_exact(&mut first).await {
        Ok(_) => first.to_vec(),
        Err(_) => Vec::new(),
    }
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
    assert!(!first.is_empty(), "and the next one is served");
}

#[tokio::test]
async fn untrusted_peer_is_served_without_a_header() {
    let server = behind("10.0.0.0/8").await;
    let first = answer(&server, &[PREFACE]).await;
    assert_eq!(first.get(3), Some(&4), "a SETTINGS frame");
}
