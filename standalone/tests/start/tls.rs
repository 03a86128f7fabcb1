//! A database over TLS: accepted with the right certificate, and refused at once with any other.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use testkit::postgres::{PostgresServer, server};

use super::outsider::Outsider;
use super::pair::{folder, gatepost};
use super::service::{Service, Which};

/// Returns a loopback address of this process alone, for the certificate's name: the server's port is always the same,
/// and another server may use it.
fn address(last: u32) -> String {
    let own = std::process::id();
    format!("127.{}.{}.{last}", 1 + own % 250, own / 250 % 250)
}

/// Creates an authority, and a certificate of it for this address.
fn certify(folder: &Path, address: &str) {
    for arguments in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt"
            .to_owned(),
        format!(
            "req -x509 -CA ca.crt -CAkey ca.key -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=server \
             -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:{address} -keyout server.key -out server.crt"
        ),
    ] {
        let made = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).stderr(Stdio::null()).status();
        assert!(made.unwrap().success(), "openssl {arguments}");
    }
}

/// Switches TLS on, and allows no other connections over TCP.
async fn encrypt(server: &PostgresServer, certificate: &Path) {
    let data = server.socket().parent().unwrap().join("data");
    let owner = fs::metadata(&data).unwrap();
    for name in ["server.crt", "server.key"] {
        let place = data.join(name);
        fs::copy(certificate.join(name), &place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&place, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.0/8 trust\n").unwrap();
    Outsider::of_server(&server.url("postgres")).await.run("alter system set ssl = on").await;
    server.stop_fast().await.unwrap();
    server.start_again().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_is_checked_as_far_as_the_url_says() {
    // Without PostgreSQL there is no server to start.
    if server().await.is_none() {
        return;
    }
    let (known, unnamed) = (address(1), address(2));
    let listen = format!("listen_addresses={known},{unnamed}");
    let server = PostgresServer::start_with(&[&listen]).await.unwrap();
    let (right, wrong) = (folder(), folder());
    certify(right.path(), &known);
    certify(wrong.path(), &known);
    let url = |address: &str, mode: &str, authority: Option<&Path>| {
        let root = authority.map(|folder| format!("&sslrootcert={}", folder.join("ca.crt").display()));
        format!("postgres://postgres@{address}/postgres?sslmode={mode}{}", root.unwrap_or_default())
    };
    let refuses = |address: &str, mode: &str, authority: Option<&Path>| {
        let why = Service::start(Which::Blog, &url(address, mode, authority)).refuses(1);
        assert!(why.contains("refuses the connection or does not answer ("), "{mode}: {why}");
        why
    };
    // A server without a certificate is refused at once too.
    assert!(refuses(&known, "require", None).contains("server does not support TLS"));

    encrypt(&server, right.path()).await;
    for (address, mode, authority) in [
        (&known, "require", None),
        (&unnamed, "require", None),
        (&known, "verify-ca", Some(right.path())),
        (&unnamed, "verify-ca", Some(right.path())),
        (&known, "verify-full", Some(right.path())),
    ] {
        let mut service = Service::start(Which::Blog, &url(address, mode, authority));
        let line = service.wait_for_line(&["checks no certificate", "-service listening on "]);
        assert_eq!(line.contains(" WARN "), mode == "require", "{line}");
        if mode == "require" {
            let line = service.wait_for_line(&["checks no certificate", "-service listening on "]);
            assert!(line.contains("listening on"), "the warning is logged once: {line}");
        }
        let checked = gatepost().args(["blog", "--database-url", &url(address, mode, authority), "doctor"]).output();
        let checked = String::from_utf8(checked.unwrap().stdout).unwrap();
        let encryption = checked.lines().find(|line| line.starts_with("database encryption ")).unwrap();
        let wanted = if mode == "require" {
            "checks no certificate"
        } else {
            "TLSv1.3, and the server's certificate is checked"
        };
        assert!(encryption.contains(wanted), "{mode}: {encryption}");
        service.stop();
    }
    for (address, mode, authority) in [
        (&known, "verify-ca", Some(wrong.path())),
        (&known, "verify-full", Some(wrong.path())),
        (&known, "verify-full", None),
        (&unnamed, "verify-full", Some(right.path())),
    ] {
        let why = refuses(address, mode, authority);
        assert!(why.contains("certificate"), "{why}");
    }
    assert!(refuses(&known, "disable", None).contains("no pg_hba.conf entry"));
}
