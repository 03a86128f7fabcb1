//! A server of one method in this process, with or without a guard.

use std::net::SocketAddr;

use gatepost::{GuardLayer, Policy, Rule, Verify};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};

use crate::Failure;

/// Path of the method.
pub(super) const CHECK_PATH: &str = "/grpc.health.v1.Health/Check";

/// A server that listens until it is dropped.
#[derive(Debug)]
pub struct CheckServer {
    address: SocketAddr,
    server: AbortHandle,
}

/// Serves the health check under this rule.
///
/// # Errors
/// Fails if the machine has no port.
pub async fn serve(rule: Rule, verifier: impl Verify) -> Result<CheckServer, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (_, health) = tonic_health::server::health_reporter();
    let guard = GuardLayer::new(Policy::closed().rule(CHECK_PATH, rule), verifier)?.audience("gatepost");
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().layer(guard).add_service(health).serve_with_incoming(incoming);
    Ok(CheckServer { address, server: tokio::spawn(server).abort_handle() })
}

impl CheckServer {
    /// Opens a new connection to the server.
    ///
    /// # Errors
    /// Fails if the server accepts no connection.
    pub async fn channel(&self) -> Result<Channel, Failure> {
        Ok(Endpoint::from_shared(format!("http://{}", self.address))?.tcp_nodelay(true).connect().await?)
    }
}

impl Drop for CheckServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}
