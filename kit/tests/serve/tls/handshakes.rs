//! Handshakes: trusted certificates, time limits and protocols.

use std::time::Duration;

use gatepost::tls::ClientTls;
use kit::serve::ServerLimits;
use kit::tls::ClientAuth;
use testkit::tls::Authority;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic::transport::Endpoint;

use super::super::support::start_with_tls;
use super::world::{World, ask, causes, channel};

/// Number of connections, which is enough to meet both orders of a race.
const REPETITIONS: usize = 50;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn client_checks_authority_and_name() {
    let world = World::new();
    let server = world.start(None).await;
    ask(&channel(&server, world.client())).await.unwrap();
    ask(&channel(&server, world.client().server_name("localhost"))).await.unwrap();
    ask(&channel(&server, ClientTls::builder().server_certificate(&world.server.certificate))).await.unwrap();

    let other = Authority::new("other").write(world.folder.path(), "other");
    let pinned = world.authority.issue(&["127.0.0.1"]).write(world.folder.path(), "pinned").certificate;
    for (client, cause) in [
        (ClientTls::builder().authorities(other), "UnknownIssuer"),
        (ClientTls::builder(), "UnknownIssuer"),
        (world.client().server_name("example.org"), "not valid for name"),
        (ClientTls::builder().server_certificate(pinned), "ApplicationVerificationFailure"),
    ] {
        let why = causes(&ask(&channel(&server, client)).await.unwrap_err());
        assert!(why.contains(cause), "{why}");
    }
}

#[tokio::test]
async fn plaintext_and_tls_ends_cannot_connect() {
    let world = World::new();
    let server = world.start(None).await;
    let plain = Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect_lazy();
    ask(&plain).await.unwrap_err();
    let plain = super::super::support::start(ServerLimits::default()).await;
    let why = causes(&ask(&channel(&plain, world.client())).await.unwrap_err());
    assert!(why.contains("received corrupt message"), "{why}");
}

/// C65: a connection without a client certificate ends at the handshake.
#[tokio::test]
async fn required_certificate_is_of_the_clients_authority() {
    let world = World::new();
    let server = world.start(Some(ClientAuth::Required)).await;
    let client = world.client_named(&["spiffe://example.org/any"]).build().unwrap();
    ask(&client.channel(&format!("https://{}", server.address)).unwrap()).await.unwrap();
    assert_eq!(client.last_fault(), None);
    let foreign = Authority::new("foreign").issue(&["a.org"]).write(world.folder.path(), "foreign");
    for (client, fault) in [
        (world.client(), "the server requires a client certificate (TLS alert CertificateRequired)"),
        (
            world.client().certificate(foreign.certificate, foreign.key),
            "the server refuses the client's certificate (TLS alert UnknownCA)",
        ),
    ] {
        let client = client.build().unwrap();
        // The alert races with the first call. Its name is reported in either order.
        for _ in 0..REPETITIONS {
            let channel = client.channel(&format!("https://{}", server.address)).unwrap();
            ask(&channel).await.unwrap_err();
            assert_eq!(client.last_fault().as_deref(), Some(fault));
        }
    }
    // A client may stay without a certificate where none is required.
    ask(&channel(&world.start(Some(ClientAuth::Optional)).await, world.client())).await.unwrap();
}

#[tokio::test]
async fn silent_client_has_five_seconds_for_the_handshake() {
    let world = World::new();
    let limits = ServerLimits { handshake: SHORT, first_request: LONG, ..ServerLimits::default() };
    let server = start_with_tls(limits, world.tls(None)).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    // Waits for the end.
    let _ = silent.read_to_end(&mut Vec::new()).await;
    assert_eq!(ServerLimits::default().handshake, Duration::from_secs(5));
}

#[tokio::test]
async fn handshakes_count_among_the_seats() {
    let world = World::new();
    let server = start_with_tls(ServerLimits { connections: 2, ..ServerLimits::default() }, world.tls(None)).await;
    let busy = channel(&server, world.client());
    ask(&busy).await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    ask(&channel(&server, world.client())).await.expect("a new client is served");
    ask(&busy).await.expect("the first client is still served");
}
