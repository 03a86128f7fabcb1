//! A connector that opens TLS connections for a channel of tonic.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tower_service::Service;

use super::ClientTls;
use super::connection::{TlsConnection, described};

/// A connector of one server, with the current files at each connection.
#[derive(Clone, Debug)]
pub(crate) struct TlsConnector {
    tls: ClientTls,
    server_name: ServerName<'static>,
}

/// The error of a connection.
type ConnectError = Box<dyn Error + Send + Sync>;

impl TlsConnector {
    /// Creates a connector for a server whose certificate has this name.
    pub(crate) fn new(tls: ClientTls, server_name: ServerName<'static>) -> Self {
        Self { tls, server_name }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TlsConnection>, ConnectError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await?;
        stream.set_nodelay(true)?;
        let tls = self.tls.clone();
        spawn_blocking(move || tls.refresh()).await?;
        match self.shake_hands(stream).await {
            Ok(stream) => Ok(TokioIo::new(TlsConnection::new(stream, self.tls))),
            Err(error) => {
                self.tls.note_fault(Some(error.to_string()));
                Err(error.into())
            }
        }
    }

    /// Waits for the handshake.
    async fn shake_hands(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let connector = tokio_rustls::TlsConnector::from(self.tls.config());
        let stream = connector.connect(self.server_name.clone(), stream).await.map_err(described)?;
        if stream.get_ref().1.alpn_protocol().is_none() {
            return Err(io::Error::other("the server does not offer HTTP/2 by ALPN"));
        }
        Ok(stream)
    }
}

impl Service<Uri> for TlsConnector {
    type Response = TokioIo<TlsConnection>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
