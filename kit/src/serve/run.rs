//! From a bound listener to the last answer.

use std::marker::PhantomData;
use std::net::SocketAddr;

use std::sync::Arc;
use std::time::Duration;

use gatepost::status::Reason;
use gatepost::{GuardLayer, Verify};
use http::Extensions;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::server::TcpConnectInfo;
use tower_layer::Layer as _;

use super::accept::accept;
use super::call;
use super::connection;
use super::elsewhere::Signpost;
use super::envelope::EnvelopeLayer;
use super::health::Health;
use super::host::Host;
use super::memory::Budget;
use super::seats::Seats;
use super::streamed::Streamed;
use super::waiting::WaitPool;
use super::{Elsewhere, MethodDeadlines, ServerLimits};
use crate::failure;
use crate::output;
use crate::peer::ProxyProtocol;
use crate::probe::Probe;
use crate::shutdown::Shutdown;

/// What a service brings to be served.
pub struct Parts<V> {
    /// The binary's name, for the line that says where it listens.
    pub name: &'static str,
    /// The full names of its gRPC services.
    pub services: &'static [&'static str],
    /// Their contract: an encoded `google.protobuf.FileDescriptorSet` with comments, which reflection serves.
    pub descriptors: &'static [u8],
    /// Their implementations.
    pub routes: Routes,
    /// The services of the contract that other ports serve.
    pub elsewhere: &'static [Elsewhere],
    /// The guard around all of them.
    pub guard: GuardLayer<V>,
    /// What a connection and a call may cost.
    pub limits: ServerLimits,
    /// The methods with a deadline of their own.
    pub deadlines: MethodDeadlines,
    /// How health finds out whether the database answers.
    pub health_probe: Probe,
    /// The PROXY protocol, if connections begin with it.
    pub proxy_protocol: Option<ProxyProtocol>,
}

/// Why a server ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors are unreadable.
    #[error("reflection cannot serve the descriptors: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The descriptors are none.
    #[error("the descriptors of the services cannot be read: {0}")]
    Descriptors(#[from] prost::DecodeError),
    /// The listener is unusable.
    #[error("the listener failed: {0}")]
    Listener(#[from] std::io::Error),
}

/// Serves until `shutdown`, then lets running calls end, for at most `limits.grace`.
///
/// Says `NAME listening on ADDR` on standard output once calls succeed. `R` names the domain of the failures that no
/// handler answers for.
///
/// # Errors
/// [`ServeError`] when serving ends by itself.
pub async fn serve<R: Reason, V: Verify>(
    parts: Parts<V>,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    let Parts {
        name,
        services,
        descriptors,
        routes,
        elsewhere,
        guard,
        limits,
        deadlines,
        health_probe,
        proxy_protocol,
    } = parts;
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = Health::start(reporter, services).await;
    let routes = routes
        .add_service(health_service)
        .add_service(reflection(services, descriptors).build_v1()?)
        .add_service(reflection(services, descriptors).build_v1alpha()?);
    let envelope = EnvelopeLayer::<R> { deadline: limits.deadline, deadlines, reasons: PhantomData };
    let signpost = Signpost::<R> { elsewhere, reasons: PhantomData };
    let stop = Shutdown::new();
    let host = Arc::new(Host {
        service: envelope.layer(signpost.layer(guard.peers(peer).layer(routes.prepare()))),
        limits,
        requests: Budget::new(limits.request_memory),
        answers: Budget::new(limits.answer_memory),
        making: call::making(),
        waiting: WaitPool::new(limits.waiting_calls),
        waiting_bytes: WaitPool::new(limits.waiting_bytes),
        streams: WaitPool::new(limits.streams),
        public_streams: WaitPool::new(limits.public_streams),
        streamed: Streamed::from_descriptors(&[descriptors].iter().chain(&DESCRIPTORS).copied().collect::<Vec<_>>())?,
        overloaded: failure::overloaded::<R>,
        proxy_protocol,
        stop: stop.clone(),
    });
    let (seats, mut connections) = (Seats::new(limits.connections()), JoinSet::new());
    output::out(&format!("{name} listening on {address}"));
    let accepting = accept(listener, &seats, limits.tcp_keepalive, &stop, &mut connections, |stream, peer, taken| {
        connection::serve(Arc::clone(&host), stream, peer, taken)
    });
    tokio::join!(accepting, async {
        health.follow(health_probe, shutdown).await;
        stop.cancel();
    });
    drain(connections, limits.grace).await;
    Ok(())
}

/// Waits until the connections have ended, and cuts those that have not when the grace is over.
async fn drain(mut connections: JoinSet<()>, grace: Duration) {
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(grace, ended).await.is_err() {
        tracing::warn!("calls that were still running after {grace:?} have been cut");
    }
}

/// Finds the peer of a call: the other end of its connection, so that callers behind one address are told apart.
fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<TcpConnectInfo>()?.remote_addr()
}

/// The descriptors of the services that every server has.
const DESCRIPTORS: [&[u8]; 3] = [
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Returns the reflection of these services and of health.
fn reflection(services: &[&'static str], descriptors: &'static [u8]) -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(descriptors)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
    services.iter().chain(&["grpc.health.v1.Health"]).fold(builder, |builder, name| builder.with_service_name(*name))
}
