//! A client of the operations port that sends whatever a test says.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The head as it came, but in lower case.
    pub head: String,
    /// The text.
    pub body: String,
}

impl Page {
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
pub async fn get(address: SocketAddr, path: &str) -> Page {
    Page::read(&ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")).await)
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
