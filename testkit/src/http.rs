//! A client of the operations port that sends whatever a test says.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outsider;

/// What came back.
#[derive(Debug)]
pub struct HttpReply {
    /// The HTTP status.
    pub status: u16,
    /// The head as it came, but in lower case.
    pub head: String,
    /// The text.
    pub body: String,
}

impl HttpReply {
    /// Reads an answer.
    ///
    /// # Panics
    /// When it is none.
    #[expect(clippy::expect_used, reason = "a test that gets no HTTP has failed")]
    pub fn read(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a head begins with its status");
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }
}

/// Gets a path on a connection of its own.
///
/// # Panics
/// When nobody listens there.
pub async fn get(address: SocketAddr, path: &str) -> HttpReply {
    HttpReply::read(
        &ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")).await,
    )
}

/// Checks that `/readyz` follows what happens to writes into this file, the database of the service on this port.
///
/// # Panics
/// If the port says anything else.
pub async fn ready_while_writable(port: SocketAddr, database: &Path) {
    while get(port, "/readyz").await.body != "ready\n" {}
    let mut outsider = Outsider::open(database).await;
    outsider.lock().await;
    let refused = loop {
        // The outcome of the last write holds for a second.
        let page = get(port, "/readyz").await;
        if page.status != 200 {
            break page;
        }
    };
    assert_eq!(refused.status, 503);
    assert_eq!(refused.body, "the database is away: see to the service's database\n");
    assert_eq!(get(port, "/livez").await.status, 200);
    outsider.close().await;
    while get(port, "/readyz").await.status != 200 {}
}

/// Sends a text, and reads until the other side closes.
///
/// # Panics
/// When nobody listens there.
#[expect(clippy::expect_used, reason = "a test without its server has failed")]
pub async fn ask(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.write_all(text.as_bytes()).await.expect("the server reads");
    rest(&mut stream).await
}

/// Reads until the other side closes.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // One that is reset has said what it said.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
