//! Revocation lists of client certificates: listed certificates are refused, and changed lists are read.

use std::fs;
use std::path::PathBuf;

use gatepost::tls::ClientTls;
use kit::serve::ServerLimits;
use kit::tls::{ClientAuth, ServerTls, TlsFiles};
use testkit::tls::{Authority, TestCertificate};
use tonic::transport::Channel;

use super::super::support::{TestServer, start_with_tls};
use super::world::{World, ask, now};

const REVOKED: &str = "the server refuses the client's certificate (TLS alert CertificateRevoked)";

/// Returns the file of the lists.
fn list(world: &World) -> PathBuf {
    world.folder.path().join("crl.pem")
}

/// Returns a server's files with revocation lists.
fn files(world: &World) -> TlsFiles {
    TlsFiles { client_revocations: Some(list(world)), ..world.files(Some(ClientAuth::Required)) }
}

/// Returns a client with this certificate, and its connection.
fn connect(world: &World, server: &TestServer, certificate: &TestCertificate) -> (ClientTls, Channel) {
    let files = certificate.write(world.folder.path(), "client");
    let tls = world.client().certificate(files.certificate, files.key).build().unwrap();
    let channel = tls.channel(&format!("https://{}", server.address)).unwrap();
    (tls, channel)
}

#[tokio::test]
async fn listed_certificate_is_refused_by_its_name() {
    let world = World::new();
    let [good, bad] = ["good.example.org", "bad.example.org"].map(|name| world.authority.issue(&[name]));
    fs::write(list(&world), world.authority.revoke(&[&bad])).unwrap();
    let server = start_with_tls(ServerLimits::default(), ServerTls::open(files(&world), now()).unwrap()).await;
    ask(&connect(&world, &server, &good).1).await.unwrap();
    let (tls, channel) = connect(&world, &server, &bad);
    ask(&channel).await.unwrap_err();
    assert_eq!(tls.last_fault().as_deref(), Some(REVOKED));
}

#[tokio::test]
async fn changed_list_counts_for_new_connections() {
    let world = World::new();
    let certificate = world.authority.issue(&["a.org"]);
    fs::write(list(&world), world.authority.revoke(&[])).unwrap();
    let tls = ServerTls::open(files(&world), now()).unwrap();
    let server = start_with_tls(ServerLimits::default(), tls.clone()).await;
    let (_, open) = connect(&world, &server, &certificate);
    ask(&open).await.unwrap();
    fs::write(list(&world), world.authority.revoke(&[&certificate])).unwrap();
    tls.refresh(now());
    ask(&connect(&world, &server, &certificate).1).await.unwrap_err();
    ask(&open).await.expect("an open connection goes on");
    // A list with a fault changes nothing.
    fs::write(list(&world), "nonsense").unwrap();
    tls.refresh(now());
    let (client, refused) = connect(&world, &server, &certificate);
    ask(&refused).await.unwrap_err();
    assert_eq!(client.last_fault().as_deref(), Some(REVOKED));
}

/// A file without the list of an authority must not accept that authority's certificates unchecked.
#[tokio::test]
async fn authority_without_a_list_is_refused() {
    let world = World::new();
    fs::write(list(&world), Authority::new("other").revoke(&[])).unwrap();
    let server = start_with_tls(ServerLimits::default(), ServerTls::open(files(&world), now()).unwrap()).await;
    let (tls, channel) = connect(&world, &server, &world.authority.issue(&["a.org"]));
    ask(&channel).await.unwrap_err();
    let fault = tls.last_fault().unwrap();
    assert!(fault.starts_with("the server refuses the client's certificate (TLS alert "), "{fault}");
}

#[test]
fn list_that_cannot_be_read_is_refused() {
    let world = World::new();
    for (text, sentence) in [
        ("nonsense", "crl.pem has no revocation list in PEM form"),
        (
            "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
            "crl.pem has a revocation list that cannot be read",
        ),
    ] {
        fs::write(list(&world), text).unwrap();
        let error = ServerTls::open(files(&world), now()).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}
