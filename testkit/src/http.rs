//! A plain HTTP client for tests of the operations port.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outsider;

/// An HTTP response.
#[derive(Debug)]
pub struct HttpReply {
    /// HTTP status.
    pub status: u16,
    /// Status line and headers in lower case.
    pub head: String,
    /// Body.
    pub body: String,
}

impl HttpReply {
    /// Parses a response.
    ///
    /// # Panics
    /// Panics if the text is not an HTTP response.
    #[expect(clippy::expect_used, reason = "a test that gets no HTTP has failed")]
    pub fn read(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a head begins with its status");
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }
}

/// Sends a GET request on a new connection.
///
/// # Panics
/// Panics if no server listens at the address.
pub async fn get(address: SocketAddr, path: &str) -> HttpReply {
    HttpReply::read(
        &ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")).await,
    )
}

/// Checks that `/readyz` fails while writes to the service's database file fail.
///
/// # Panics
/// Panics if a response differs.
pub async fn ready_while_writable(port: SocketAddr, database: &Path) {
    while get(port, "/readyz").await.body != "ready\n" {}
    let mut outsider = Outsider::open(database).await;
    outsider.lock().await;
    let refused = loop {
        // The port keeps the outcome of a write for a second.
        let page = get(port, "/readyz").await;
        if page.status != 200 {
            break page;
        }
    };
    assert_eq!(refused.status, 503);
    assert_eq!(refused.body, "the database is away: check the service's database\n");
    assert_eq!(get(port, "/livez").await.status, 200);
    outsider.close().await;
    while get(port, "/readyz").await.status != 200 {}
}

/// Sends a text, and reads until the server closes the connection.
///
/// # Panics
/// Panics if no server listens at the address.
#[expect(clippy::expect_used, reason = "a test without its server has failed")]
pub async fn ask(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.write_all(text.as_bytes()).await.expect("the server reads");
    rest(&mut stream).await
}

/// Reads until the server closes the connection.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // After a reset, the bytes until then count.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
