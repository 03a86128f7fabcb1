//! The command `openssl s_client`: versions of the protocol, and ALPN.

use std::process::{Command, Stdio};

use kit::tls::ClientAuth;
use tokio::task::spawn_blocking;

use super::super::support::TestServer;
use super::world::World;

/// Connects with these arguments. Returns all output.
async fn connect(server: &TestServer, world: &World, arguments: &str) -> String {
    let mut command = Command::new("openssl");
    // Level 0 lets the client offer TLS 1.1 at all.
    command.args(["s_client", "-cipher", "DEFAULT@SECLEVEL=0", "-connect", &server.address.to_string(), "-CAfile"]);
    command.arg(&world.ca).arg("-verify_return_error").args(arguments.split(' ')).stdin(Stdio::null());
    let output = spawn_blocking(move || command.output()).await.unwrap().expect("openssl is installed");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn versions_1_2_and_1_3_are_served_with_h2() {
    let world = World::new();
    let server = world.start(None).await;
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3"), ("-servername localhost", "TLSv1.3")] {
        let said = connect(&server, &world, &format!("{version} -alpn h2,http/1.1")).await;
        assert!(said.contains(&format!("{name}, Cipher is")), "{said}");
        assert!(said.contains("ALPN protocol: h2") && said.contains("Verify return code: 0 (ok)"), "{said}");
    }
}

#[tokio::test]
async fn older_versions_and_other_protocols_are_refused() {
    let world = World::new();
    let server = world.start(None).await;
    for (arguments, alert) in [
        // OpenSSL offers no suite that is in both versions, so the alert names no version.
        ("-tls1_1", "alert handshake failure"),
        ("-tls1", "alert handshake failure"),
        ("-tls1_3 -alpn http/1.1", "alert no application protocol"),
        // The only curve of this client is none of the server's.
        ("-tls1_3 -curves X448", "alert handshake failure"),
    ] {
        let said = connect(&server, &world, arguments).await;
        assert!(said.contains(alert) && said.contains("no peer certificate available"), "{arguments}: {said}");
    }
}

#[tokio::test]
async fn names_of_the_clients_authorities_are_sent() {
    let world = World::new();
    let server = world.start(Some(ClientAuth::Required)).await;
    let said = connect(&server, &world, "-tls1_2 -alpn h2").await;
    assert!(said.contains("Acceptable client certificate CA names") && said.contains("CN = authority"), "{said}");
}
