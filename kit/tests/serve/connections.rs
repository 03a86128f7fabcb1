//! Life of connections: a request in time, a GOAWAY before the cut, and room for new connections.

use std::time::Duration;

use gatepost::api::auth::v1::VerifyTokenRequest;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use kit::serve::ServerLimits;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::frames::{DATA, GOAWAY, HEADERS, RST_STREAM, RawConnection, frame};
use super::support::{TestServer, start};

const SHORT: Duration = Duration::from_millis(50);

/// Longer than a test may take.
const LONG: Duration = Duration::from_hours(1);

/// RFC 9113 §7.
const NO_ERROR: u32 = 0;

async fn connect(server: &TestServer) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

async fn ask(channel: &Channel, token: &str) -> Result<(), Status> {
    let request = VerifyTokenRequest { token: token.into() };
    TokenServiceClient::new(channel.clone()).verify_token(request).await.map(drop)
}

/// Returns the error code of the next GOAWAY.
async fn goaway(connection: &mut RawConnection) -> u32 {
    let goaway = connection.find(GOAWAY).await.expect("the server sends GOAWAY");
    u32::from_be_bytes(goaway.payload[4..8].try_into().unwrap())
}

#[tokio::test]
async fn silent_connection_is_closed() {
    let server = start(ServerLimits { handshake: SHORT, ..ServerLimits::default() }).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut bytes = Vec::new();
    // Reads the server's settings, and waits for the end.
    let _ = silent.read_to_end(&mut bytes).await;
    assert_eq!(ServerLimits::default().handshake, Duration::from_secs(5));
}

#[tokio::test]
async fn connection_without_request_gets_goaway() {
    let server = start(ServerLimits { first_request: SHORT, ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    assert_eq!(goaway(&mut connection).await, NO_ERROR);
    while connection.next().await.is_some() {}
    assert_eq!(ServerLimits::default().first_request, Duration::from_secs(10));
}

#[tokio::test]
async fn half_a_header_block_is_closed() {
    let server = start(ServerLimits { first_request: SHORT, ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    // Without END_HEADERS (0x4): the request never begins.
    connection.send(&frame(HEADERS, 0, 1, &[0x83, 0x86])).await;
    while connection.next().await.is_some() {}
}

#[tokio::test]
async fn idle_connection_gets_goaway() {
    // The keepalive timer checks idle connections too.
    let server = start(ServerLimits { idle: SHORT, keepalive: (SHORT, LONG), ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    // `:method POST`, `:scheme http` and `:path /` (RFC 7541 appendix A): a whole request, which is refused.
    connection.send(&frame(HEADERS, 0x5, 1, &[0x83, 0x86, 0x84])).await;
    connection.find(HEADERS).await.expect("the request is answered");
    assert_eq!(goaway(&mut connection).await, NO_ERROR);
    while connection.next().await.is_some() {}
    assert_eq!(ServerLimits::default().idle, Duration::from_mins(5));
}

#[tokio::test]
async fn old_connection_gets_goaway_before_the_cut() {
    let server = start(ServerLimits { connection_age: (SHORT, SHORT), ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    assert_eq!(goaway(&mut connection).await, NO_ERROR);
    while connection.next().await.is_some() {}
    assert_eq!(ServerLimits::default().connection_age, (Duration::from_mins(10), Duration::from_secs(30)));
}

#[tokio::test]
async fn old_connection_lets_its_calls_end() {
    let server = start(ServerLimits { connection_age: (SHORT, LONG), ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    // A literal `:path` and `content-type`, with the indexes of their names in the static table (RFC 7541 appendix A).
    let path = b"/gatepost.auth.v1.TokenService/VerifyToken";
    let headers = [&[0x83, 0x86, 0x04, 42], &path[..], &[0x0f, 0x10, 16], b"application/grpc"].concat();
    let message = [0, 0, 0, 0, 6, 0x0a, 4, b'w', b'a', b'i', b't'];
    let frames = [frame(HEADERS, 0x4, 1, &headers), frame(DATA, 0x1, 1, &message)].concat();
    connection.send(&frames).await;
    assert_eq!(goaway(&mut connection).await, NO_ERROR);
    server.go_on.notify_one();
    let answer = connection.find(HEADERS).await.expect("the call's headers");
    let data = connection.find(DATA).await.expect("the call's message");
    let trailers = connection.find(HEADERS).await.expect("the call's trailers");
    assert_eq!([answer.stream, data.stream, trailers.stream], [1; 3]);
}

#[tokio::test]
async fn full_server_closes_silent_connections_first() {
    let server = start(ServerLimits { connections: 2, ..ServerLimits::default() }).await;
    let busy = connect(&server).await;
    ask(&busy, "").await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let late = connect(&server).await;
    ask(&late, "").await.expect("a new client is served");
    ask(&busy, "").await.expect("the first client is still served");
}

#[tokio::test]
async fn stop_does_not_wait_for_silent_connections() {
    let server = start(ServerLimits { grace: LONG, ..ServerLimits::default() }).await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    let _without_request = RawConnection::open(server.address).await;
    let idle = connect(&server).await;
    ask(&idle, "").await.unwrap();
    server.shutdown.cancel();
    server.task.await.unwrap();
}

#[tokio::test]
async fn authority_of_several_addresses_is_served() {
    let server = start(ServerLimits::default()).await;
    let mut connection = RawConnection::open(server.address).await;
    let path = b"/gatepost.auth.v1.TokenService/VerifyToken";
    let authority = b"10.0.0.1:50051,10.0.0.2:50051";
    let headers = [&[0x83, 0x86, 0x41, 29], &authority[..], &[0x04, 42], path, &[0x0f, 0x10, 16], b"application/grpc"];
    let frames = [frame(HEADERS, 0x4, 1, &headers.concat()), frame(DATA, 0x1, 1, &[0; 5])].concat();
    connection.send(&frames).await;
    while let Some(next) = connection.next().await {
        assert_ne!(next.kind, RST_STREAM, "the stream is not reset");
        if next.kind == DATA {
            return;
        }
    }
    panic!("the call is not answered");
}
