//! A server behind the guard: the health service, and one with RPCs of the other kinds.

use std::net::SocketAddr;

use gatepost::{AuthService, GuardLayer, Policy, Verify};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::server::HealthReporter;

use super::{Auth, Inside, Outside, Port, Probe, Raw, Running, known};

/// A guarded server on a port of its own.
pub(crate) struct Guarded {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// What the guard has let in.
    pub(crate) inside: Inside,
    /// What its health service says.
    pub(crate) health: HealthReporter,
}

impl Guarded {
    /// Serves behind this guard.
    pub(crate) async fn start<V: Verify>(guard: GuardLayer<V>) -> Self {
        Self::start_within(Outside::default(), guard).await
    }

    /// Serves behind this guard and the layer outside it.
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

    /// A client that may misbehave.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(self.addr).await
    }

    /// A proper client's channel.
    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.addr)).unwrap().connect().await.unwrap()
    }
}

/// A guarded server and the fake auth service that its guard asks.
pub(crate) struct World {
    /// Whom the guard asks.
    pub(crate) auth: Auth,
    /// Whom the callers call.
    pub(crate) server: Guarded,
    /// Keeps the auth service up.
    _running: Running,
    _port: Port,
}

impl World {
    /// An auth service that knows the tokens of [`known`].
    pub(crate) async fn start(policy: Policy) -> Self {
        Self::with(policy, Auth::new(known)).await
    }

    /// This auth service, and the audience `gatepost`.
    pub(crate) async fn with(policy: Policy, auth: Auth) -> Self {
        let port = Port::reserve();
        let running = auth.serve(port.listen());
        let verifier = AuthService::builder(port.url()).build().unwrap();
        let server = Guarded::start(GuardLayer::new(policy, verifier).unwrap().audience("gatepost")).await;
        Self { auth, server, _running: running, _port: port }
    }
}
