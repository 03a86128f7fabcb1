//! A TCP balancer whose current connections can vanish while new ones are forwarded.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Port;

/// A balancer that forwards each connection to one service.
pub(crate) struct Balancer {
    port: Port,
    vanished: watch::Sender<()>,
    _links: JoinSet<()>,
}

impl Balancer {
    /// Starts a balancer for the service at this port.
    pub(crate) fn start(service: &Port) -> Self {
        let (port, vanished, mut links) = (Port::reserve(), watch::Sender::new(()), JoinSet::new());
        let (listener, to, seen) = (port.listen(), service.address(), vanished.subscribe());
        links.spawn(accept(listener, to, seen));
        Self { port, vanished, _links: links }
    }

    /// Returns the balancer's URL.
    pub(crate) fn url(&self) -> String {
        self.port.url()
    }

    /// Stops forwarding on open connections without closing them. New connections are forwarded.
    pub(crate) fn vanish(&self) {
        self.vanished.send_replace(());
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, vanished: watch::Receiver<()>) {
    let mut links = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut vanished = vanished.clone();
        // Ignores earlier calls of `vanish`: this connection is new.
        vanished.mark_unchanged();
        links.spawn(async move {
            let mut service = TcpStream::connect(to).await.unwrap();
            tokio::select! {
                // `biased` polls this branch first, so nothing is forwarded after `vanish`.
                biased;
                _ = vanished.changed() => std::future::pending().await,
                _ = copy_bidirectional(&mut client, &mut service) => {}
            }
        });
    }
}
