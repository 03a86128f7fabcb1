//! From a bound listener to the last answer.

use std::io::Write as _;
use std::marker::PhantomData;
use std::net::SocketAddr;

use gatepost::{GuardLayer, Verify};
use http::Extensions;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};

use super::elsewhere::Signpost;
use super::envelope::EnvelopeLayer;
use super::health::Health;
use super::{Elsewhere, Limits, Look, MethodDeadlines};
use crate::failure::Reasons;
use crate::shutdown::Shutdown;

/// What a service brings to be served.
pub struct Parts<V> {
    /// The binary's name, for the line that says where it listens.
    pub name: &'static str,
    /// The full names of its gRPC services.
    pub services: &'static [&'static str],
    /// Their implementations.
    pub routes: Routes,
    /// The services of the contract that other ports serve.
    pub elsewhere: &'static [Elsewhere],
    /// The guard around all of them.
    pub guard: GuardLayer<V>,
    /// What a connection and a call may cost.
    pub limits: Limits,
    /// The methods with a deadline of their own.
    pub deadlines: MethodDeadlines,
    /// How health finds out whether the database answers.
    pub look: Look,
}

/// Why a server ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The transport failed.
    #[error("the server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptors are unreadable.
    #[error("reflection cannot serve the descriptors: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
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
pub async fn serve<R: Reasons, V: Verify>(
    parts: Parts<V>,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    let Parts { name, services, routes, elsewhere, guard, limits, deadlines, look } = parts;
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = Health::start(reporter, services).await;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(limits.tcp_keepalive));
    let envelope = EnvelopeLayer::<R> { deadline: limits.deadline, deadlines, reasons: PhantomData };
    let serving = limits
        .server()
        .layer(envelope)
        .layer(Signpost::<R> { elsewhere, reasons: PhantomData })
        .layer(guard.peers(peer))
        .add_routes(routes)
        .add_service(health_service)
        .add_service(reflection(services).build_v1()?)
        .add_service(reflection(services).build_v1alpha()?)
        .serve_with_incoming_shutdown(incoming, health.follow(look, shutdown.clone()));
    announce(name, address);
    tokio::select! {
        ended = serving => ended?,
        () = async { shutdown.cancelled().await; tokio::time::sleep(limits.grace).await } => {
            tracing::warn!("calls that were still running after {:?} have been cut", limits.grace);
        }
    }
    Ok(())
}

/// Finds the peer of a call: the other end of its connection, so that callers behind one address are told apart.
fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<TcpConnectInfo>()?.remote_addr()
}

/// Reflection of what this server serves; the descriptors know the other service, too.
fn reflection(services: &[&'static str]) -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(gatepost::api::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
    services.iter().chain(&["grpc.health.v1.Health"]).fold(builder, |builder, name| builder.with_service_name(*name))
}

/// Scripts wait for this line, whatever the log's format; that nobody reads it any more is no reason to end.
fn announce(name: &str, address: SocketAddr) {
    let _ = writeln!(std::io::stdout(), "{name} listening on {address}");
}
