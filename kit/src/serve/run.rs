//! Runs a server from a bound listener to the last answer.

use std::marker::PhantomData;
use std::net::SocketAddr;

use std::sync::Arc;
use std::time::Duration;

use gatepost::status::Reason;
use gatepost::{GuardLayer, Verify};
use http::Extensions;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::server::TcpConnectInfo;
use tower_layer::Layer as _;

use super::accept::Door;
use super::addresses::AddressLimit;
use super::call;
use super::connection;
use super::counters::ServerMetrics;
use super::elsewhere::Signpost;
use super::envelope::EnvelopeLayer;
use super::gzip;
use super::health::Health;
use super::host::Host;
use super::lanes::Lanes;
use super::memory::Budget;
use super::operators::Operators;
use super::refusals::Refusals;
use super::saturation::Saturation;
use super::seats::Seats;
use super::standard::STANDARD_DESCRIPTORS;
use super::streamed::Streamed;
use super::waiting::WaitPool;
use super::{Elsewhere, MethodDeadlines, ServerLimits};
use crate::lifecycle::Lifecycle;
use crate::output;
use crate::peer::{Networks, ProxyProtocol};
use crate::probe::Probe;
use crate::tasks::{TaskDied, Tasks};
use crate::tls::ServerTls;
use crate::trace::{CallTracer, SubjectNotes};

/// Parts of a service for the server.
pub struct Parts<V> {
    /// Name of the binary, for the line with its address.
    pub name: &'static str,
    /// Full names of the gRPC services.
    pub services: &'static [&'static str],
    /// Contract: an encoded `google.protobuf.FileDescriptorSet` with comments, which reflection serves.
    pub descriptors: &'static [u8],
    /// Implementations of the services.
    pub routes: Routes,
    /// Services of the contract that other ports serve.
    pub elsewhere: &'static [Elsewhere],
    /// Guard around all services.
    pub guard: GuardLayer<V>,
    /// Limits of connections and calls.
    pub limits: ServerLimits,
    /// Methods with their own deadline.
    pub deadlines: MethodDeadlines,
    /// Probe of the database for the health service.
    pub health_probe: Probe,
    /// PROXY protocol, if connections start with it.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Metrics that the server counts in.
    pub metrics: ServerMetrics,
    /// Tracer of the calls.
    pub tracer: CallTracer,
    /// Networks whose connections and health checks get a seat on a full server.
    pub operators: Networks,
    /// Paths of the methods without which other services stop. They have a reserve of running calls.
    pub essential: &'static [&'static str],
    /// Paths of the methods whose answers hold secrets. These are never compressed: the size would reveal parts of a
    /// secret to a caller that controls other parts of the answer.
    pub secret_answers: &'static [&'static str],
    /// TLS of the connections; without it they are plaintext.
    pub tls: Option<ServerTls>,
}

/// Error that ends a server early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors are unreadable.
    #[error("reflection cannot serve the descriptors: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The descriptors do not decode.
    #[error("the descriptors of the services cannot be read: {0}")]
    Descriptors(#[from] prost::DecodeError),
    /// The listener is unusable.
    #[error("the listener failed: {0}")]
    Listener(#[from] std::io::Error),
    /// A background task has died.
    #[error(transparent)]
    Task(#[from] TaskDied),
}

/// Serves until the service drains, then gives running calls at most `limits.grace` to end.
///
/// Prints `NAME listening on ADDR` to standard output once calls succeed. `R` has the domain of failures outside of
/// handlers.
///
/// # Errors
/// [`ServeError`] if the server ends early.
pub async fn serve<R: Reason, V: Verify>(
    parts: Parts<V>,
    listener: TcpListener,
    life: Lifecycle,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    let Parts { name, services, descriptors, elsewhere, limits, deadlines, .. } = parts;
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = Health::start(reporter, services).await;
    let routes = parts
        .routes
        .add_service(health_service)
        .add_service(reflection(services, descriptors).build_v1()?)
        .add_service(reflection(services, descriptors).build_v1alpha()?);
    let envelope = EnvelopeLayer::<R> { deadline: limits.deadline, deadlines, reasons: PhantomData };
    let signpost = Signpost::<R> { elsewhere, reasons: PhantomData };
    let tasks = Tasks::new(&life);
    let stop = tasks.end();
    let lanes = Lanes::new((limits.waiting_calls, limits.running_calls), limits.reserved_calls, parts.essential);
    let host = Arc::new(Host {
        service: envelope.layer(signpost.layer(parts.guard.peers(peer).layer(SubjectNotes(routes.prepare())))),
        limits,
        requests: Budget::new(limits.request_memory),
        answers: Budget::new(limits.answer_memory),
        making: call::making(),
        compressing: Arc::new(Semaphore::new(gzip::MAX_COMPRESSIONS)),
        saturation: Saturation::new(lanes.ordinary().clone()),
        lanes,
        waiting_bytes: WaitPool::new(limits.waiting_bytes),
        streams: WaitPool::new(limits.streams),
        public_streams: WaitPool::new(limits.public_streams),
        streamed: Streamed::from_descriptors(
            &[descriptors].iter().chain(&STANDARD_DESCRIPTORS).copied().collect::<Vec<_>>(),
        )?,
        refusals: Refusals::new::<R>(),
        secret_answers: parts.secret_answers,
        addresses: limits.address_connections.map(AddressLimit::new),
        proxy_protocol: parts.proxy_protocol.clone(),
        tls: parts.tls,
        stop: stop.clone(),
        metrics: parts.metrics,
        tracer: parts.tracer,
    });
    host.metrics.show_memory(&host.requests, &host.answers);
    let (most, reserved) = limits.connections();
    let door = Door {
        listener,
        seats: Seats::new(most, reserved),
        operators: Operators::new(parts.operators, parts.proxy_protocol),
        keepalive: limits.tcp_keepalive,
        seat_timeout: limits.handshake,
        metrics: host.metrics.clone(),
        stop: stop.clone(),
    };
    output::out(&format!("{name} listening on {address}"));
    let mut connections = JoinSet::new();
    life.pulse().set_serving();
    let accepting = door
        .accept(&mut connections, move |stream, peer, taken| connection::serve(Arc::clone(&host), stream, peer, taken));
    tokio::join!(tasks.run("accept loop", life.pulse().during(accepting)), async {
        tasks.run("health", health.follow(parts.health_probe, &life, &stop)).await;
        stop.cancel();
        tracing::info!("{name} drains: running calls have {:?}", limits.grace);
    });
    // Closes the port: new connections go to another replica.
    drop(door);
    drain(connections, limits.grace).await;
    Ok(tasks.result()?)
}

/// Waits until the connections have ended, and cuts the rest after the grace.
async fn drain(mut connections: JoinSet<()>, grace: Duration) {
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(grace, ended).await.is_err() {
        tracing::warn!("running calls were cut after {grace:?}");
    }
}

/// Returns the address and port of a call's peer, which distinguish callers behind one address.
fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<TcpConnectInfo>()?.remote_addr()
}

/// Returns the reflection of these services and of health.
fn reflection(services: &[&'static str], descriptors: &'static [u8]) -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(descriptors)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
    services.iter().chain(&["grpc.health.v1.Health"]).fold(builder, |builder, name| builder.with_service_name(*name))
}
