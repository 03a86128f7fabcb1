//! Connections with the addresses of their callers.

use std::future::ready;
use std::io;

use futures_util::{Stream, StreamExt as _, future::Either};
use tokio::net::TcpStream;
use tonic::transport::server::TcpIncoming;

use super::{Peered, ProxyProtocol};

/// Connections whose header of the PROXY protocol is read at once.
const MAX_HEADERS: usize = 64;

/// Reads the header of each connection where there is to be one. A connection without a good header is closed.
pub fn incoming(
    connections: TcpIncoming,
    protocol: Option<ProxyProtocol>,
) -> impl Stream<Item = io::Result<Peered<TcpStream>>> {
    let Some(protocol) = protocol else {
        return Either::Left(connections.filter_map(|stream| ready(stream.map(direct).transpose())));
    };
    let read = move |stream: io::Result<TcpStream>| {
        let protocol = protocol.clone();
        async move { proxied(&protocol, stream).await.transpose() }
    };
    Either::Right(connections.map(read).buffer_unordered(MAX_HEADERS).filter_map(ready))
}

/// Returns `None` if the peer has gone already.
fn direct(stream: TcpStream) -> Option<Peered<TcpStream>> {
    let peer = stream.peer_addr().ok()?;
    Some(Peered::direct(stream, peer))
}

async fn proxied(protocol: &ProxyProtocol, stream: io::Result<TcpStream>) -> io::Result<Option<Peered<TcpStream>>> {
    let stream = stream?;
    let Ok(peer) = stream.peer_addr() else { return Ok(None) };
    match protocol.accept(stream, peer).await {
        Ok(peered) => Ok(Some(peered)),
        Err(error) => {
            tracing::debug!(%peer, %error, "connection refused");
            Ok(None)
        }
    }
}
