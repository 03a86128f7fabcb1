//! Forwards connections in a namespace to PostgreSQL's socket, which is a file and needs no network.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use tokio::io::copy_bidirectional;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::namespace::Namespace;
use crate::Failure;

/// Starts to forward the connections to this address. Dropping the set closes all of them.
pub(super) fn forward(namespace: &Namespace, address: SocketAddr, socket: PathBuf) -> Result<JoinSet<()>, Failure> {
    let listener = namespace.inside(|| TcpListener::bind(address))??;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut forwarder = JoinSet::new();
    forwarder.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            while open.try_join_next().is_some() {}
            let socket = socket.clone();
            open.spawn(async move {
                let Ok(mut server) = UnixStream::connect(socket).await else { return };
                // The end of either side closes both.
                let _ = client.set_nodelay(true);
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    Ok(forwarder)
}
