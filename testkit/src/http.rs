//! A plain HTTP client for tests of the operations port.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use gatepost::tls::{PemFile, provider};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

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

/// Sends a GET request over TLS to a server. An authority of this file must have issued the server's certificate for
/// `localhost`.
///
/// # Panics
/// Panics if no such server listens at the address, or it does not choose HTTP/1.1.
#[expect(clippy::expect_used, reason = "a test without its server has failed")]
pub async fn get_by_tls(address: SocketAddr, authorities: &Path, path: &str) -> HttpReply {
    let roots = PemFile::read(authorities).and_then(|file| file.authorities()).expect("a file of authorities");
    let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let mut config = versions.expect("versions of TLS").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    HttpReply::read(&String::from_utf8_lossy(&answer))
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
        // The operations port caches the outcome of a write for one second.
        let page = get(port, "/readyz").await;
        if page.status != 200 {
            break page;
        }
    };
    assert_eq!(refused.status, 503);
    assert_eq!(refused.body, "the database cannot be reached: check the service's database\n");
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
    // After a reset, the bytes received so far are the answer.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
