//! Connections of clients in a namespace.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::namespace::Namespace;

/// Opens connections to one address from a namespace.
pub(super) struct NamespaceConnector {
    namespace: Weak<Namespace>,
    address: SocketAddr,
}

impl NamespaceConnector {
    pub(super) fn new(namespace: &Arc<Namespace>, address: SocketAddr) -> Self {
        Self { namespace: Arc::downgrade(namespace), address }
    }
}

impl Service<Uri> for NamespaceConnector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (namespace, address) = (self.namespace.upgrade(), self.address);
        Box::pin(async move {
            let namespace = namespace.ok_or_else(|| io::Error::other("the namespace is gone"))?;
            Ok(TokioIo::new(TcpStream::from_std(namespace.connect(address)?)?))
        })
    }
}
