//! A balancer in front of an auth service, whose present way can vanish while it finds another one for new connections.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Port;

/// Forwards each connection to the service behind it.
pub(crate) struct Balancer {
    port: Port,
    vanished: watch::Sender<()>,
    _links: JoinSet<()>,
}

impl Balancer {
    /// Balances the service at this port.
    pub(crate) fn start(service: &Port) -> Self {
        let (port, vanished, mut links) = (Port::reserve(), watch::Sender::new(()), JoinSet::new());
        let (listener, to, seen) = (port.listen(), service.address(), vanished.subscribe());
        links.spawn(accept(listener, to, seen));
        Self { port, vanished, _links: links }
    }

    /// Returns the balancer's own URL.
    pub(crate) fn url(&self) -> String {
        self.port.url()
    }

    /// Forwards nothing more on the connections that are open, and closes none. New ones are served.
    pub(crate) fn vanish(&self) {
        self.vanished.send_replace(());
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, vanished: watch::Receiver<()>) {
    let mut links = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut vanished = vanished.clone();
        // Only what is to come: the way of this connection is another one.
        vanished.mark_unchanged();
        links.spawn(async move {
            let mut service = TcpStream::connect(to).await.unwrap();
            tokio::select! {
                // First, so that nothing is forwarded after it.
                biased;
                _ = vanished.changed() => std::future::pending().await,
                _ = copy_bidirectional(&mut client, &mut service) => {}
            }
        });
    }
}
