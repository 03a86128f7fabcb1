//! A guarded server with the health service and the probe.

use std::net::SocketAddr;

use gatepost::{AuthService, GuardLayer, Policy, Verify};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::server::HealthReporter;

use super::{Auth, Inside, Outside, Port, Probe, Raw, Running, known};

/// A guarded server on its own port.
pub(crate) struct Guarded {
    /// The server's address.
    pub(crate) addr: SocketAddr,
    /// The record of admitted calls.
    pub(crate) inside: Inside,
    /// The state of the health service.
    pub(crate) health: HealthReporter,
}

impl Guarded {
    /// Starts a server behind this guard.
    pub(crate) async fn start<V: Verify>(guard: GuardLayer<V>) -> Self {
        Self::start_within(Outside::default(), guard).await
    }

    /// Starts a server behind this guard and its outer layer.
    pub(crate) async fn start_within<V: Verify>(outside: Outside, guard: GuardLayer<V>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let inside = Inside::default();
        let (reporter, health) = tonic_health::server::health_reporter();
        let server = Server::builder()
            .layer(outside)
            .layer(guard)
            .layer(inside.clone())
            .add_service(health)
            .add_service(Probe)
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        Self { addr, inside, health: reporter }
    }

    /// Returns a client that can misbehave.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(self.addr).await
    }

    /// Returns a regular client's channel.
    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.addr)).unwrap().connect().await.unwrap()
    }
}

/// A guarded server and its fake auth service.
pub(crate) struct World {
    /// The guard's auth service.
    pub(crate) auth: Auth,
    /// The guarded server.
    pub(crate) server: Guarded,
    /// Keeps the auth service running.
    _running: Running,
    _port: Port,
}

impl World {
    /// Starts a server with an auth service that knows the tokens of [`known`].
    pub(crate) async fn start(policy: Policy) -> Self {
        Self::with(policy, Auth::new(known)).await
    }

    /// Starts a server with this auth service and the audience `gatepost`.
    pub(crate) async fn with(policy: Policy, auth: Auth) -> Self {
        let port = Port::reserve();
        let running = auth.serve(port.listen());
        let verifier = AuthService::builder(port.url()).build().unwrap();
        let server = Guarded::start(GuardLayer::new(policy, verifier).unwrap().audience("gatepost")).await;
        Self { auth, server, _running: running, _port: port }
    }
}
