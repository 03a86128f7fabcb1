//! A server without a free descriptor. The test has a process of its own, because it takes all descriptors.

#![cfg(test)]

use std::fs::File;
use std::net::SocketAddr;

use gatepost::api::auth::v1::ErrorReason;
use gatepost::{GuardLayer, InactiveReason, Introspection, Policy, Token, Unavailable, Verify};
use kit::peer::networks;
use kit::serve::{Parts, ServerLimits, ServerMetrics, serve};
use kit::shutdown::Shutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tonic::service::Routes;

/// Address of the operators; callers have 127.0.0.1.
const OPERATOR: &str = "127.0.0.9";

/// Preface and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Descriptors of the process while all are taken.
const DESCRIPTORS: u64 = 64;

struct NoTokens;

impl Verify for NoTokens {
    async fn verify(&self, _: &Token, _: tokio::time::Instant) -> Result<Introspection, Unavailable> {
        Ok(Introspection::inactive(InactiveReason::Invalid))
    }
}

async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let parts = Parts {
        tracer: kit::trace::CallTracer::default(),
        name: "test",
        services: &[],
        descriptors: &[],
        elsewhere: &[],
        routes: Routes::default(),
        guard: GuardLayer::new(Policy::closed().with_health(), NoTokens).unwrap(),
        limits: ServerLimits::default(),
        deadlines: &[],
        health_probe: Box::new(|| Box::pin(async { Ok(()) })),
        proxy_protocol: None,
        operators: networks(OPERATOR).unwrap(),
        essential: &[],
        secret_answers: &[],
        metrics: ServerMetrics::from_descriptors(&[]).unwrap(),
        tls: None,
    };
    tokio::spawn(async move { serve::<ErrorReason, _>(parts, listener, Shutdown::new().into()).await.unwrap() });
    address
}

async fn connect_from(local: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(local.parse().unwrap(), 0)).unwrap();
    socket.connect(address).await.unwrap()
}

/// Returns true if the server answers the preface, and false if it closes the connection.
async fn is_served(stream: &mut TcpStream) -> bool {
    stream.write_all(PREFACE).await.is_ok() && stream.read_exact(&mut [0; 9]).await.is_ok()
}

/// Takes all descriptors that are left.
fn exhaust() -> Vec<File> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), ..limit }).unwrap();
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// F7: callers are closed at once and can try another replica, operators are served, and the server recovers by itself.
#[tokio::test]
async fn lack_of_descriptors_closes_callers_only() {
    let address = start().await;
    let mut first = connect_from("127.0.0.1", address).await;
    assert!(is_served(&mut first).await);
    let mut held = exhaust();
    held.pop();
    let mut caller = connect_from("127.0.0.1", address).await;
    assert!(!is_served(&mut caller).await, "a caller is not left waiting");
    drop(caller);
    let mut operator = connect_from(OPERATOR, address).await;
    assert!(is_served(&mut operator).await, "an operator gets the spare descriptor");
    drop(held);
    let mut late = connect_from("127.0.0.1", address).await;
    assert!(is_served(&mut late).await, "descriptors are free again");
}
