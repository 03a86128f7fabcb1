//! In-process connections for tests with tokio's paused clock. That clock stands still while a task waits for the
//! kernel, so tests with it cannot use real sockets.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use gatepost::{GuardLayer, Verify};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::server::HealthReporter;
use tower_service::Service;

use super::{Auth, Listener, Probe, Raw};

type Incoming = UnboundedReceiverStream<io::Result<DuplexStream>>;

/// The address of an in-process server, at which clients connect.
#[derive(Clone)]
pub(crate) struct Memory(mpsc::UnboundedSender<io::Result<DuplexStream>>);

impl Memory {
    /// Starts a server for this fake auth service.
    pub(crate) fn auth(auth: &Auth) -> Self {
        Self::serving(auth.service())
    }

    /// Starts a server with the service [`Probe`] behind this guard.
    pub(crate) fn guarded<V: Verify>(guard: GuardLayer<V>) -> Self {
        let (address, incoming) = Self::bind();
        tokio::spawn(Server::builder().layer(guard).add_service(Probe).serve_with_incoming(incoming));
        address
    }

    /// Starts a server with the service [`Listener`] and the health service behind this guard.
    pub(crate) fn listening<V: Verify>(guard: GuardLayer<V>, listener: Listener) -> (Self, HealthReporter) {
        let (address, incoming) = Self::bind();
        let (reporter, health) = tonic_health::server::health_reporter();
        let server = Server::builder().layer(guard).add_service(listener).add_service(health);
        tokio::spawn(server.serve_with_incoming(incoming));
        (address, reporter)
    }

    /// Starts a server for this service, without a guard.
    pub(crate) fn serving<S>(service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let (address, incoming) = Self::bind();
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        address
    }

    /// Returns a regular client's channel.
    pub(crate) fn channel(&self) -> Channel {
        Endpoint::from_static("http://memory").connect_with_connector_lazy(self.clone())
    }

    /// Opens a connection for requests that no regular client sends.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::over(self.dial()).await
    }

    fn bind() -> (Self, Incoming) {
        let (address, incoming) = mpsc::unbounded_channel();
        (Self(address), UnboundedReceiverStream::new(incoming))
    }

    fn dial(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(64 * 1024);
        self.0.send(Ok(far)).unwrap();
        near
    }
}

impl Service<Uri> for Memory {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let near = self.dial();
        Box::pin(async { Ok(TokioIo::new(near)) })
    }
}
