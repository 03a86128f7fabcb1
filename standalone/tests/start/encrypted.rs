//! TLS settings: refused with a sentence that names the setting, or enough to listen beyond loopback.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use testkit::tls::Authority;

use super::pair::folder;
use super::service::{BOTH, Service, Which, file};

/// Returns the name of a setting of this service.
fn name(which: Which, setting: &str) -> String {
    format!("{}_{setting}", which.name().to_uppercase())
}

fn start(which: Which, place: &Path, settings: &[(String, &str)]) -> Service {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    Service::start_with(which, &file(&place.join(which.name())), &settings)
}

#[test]
fn tls_settings_need_each_other() {
    let (place, authority) = (folder(), Authority::new("authority"));
    let (ca, files) =
        (authority.write(place.path(), "ca"), authority.issue(&["localhost"]).write(place.path(), "server"));
    let other = authority.issue(&["localhost"]).write(place.path(), "other");
    let open = place.path().join("open.key");
    fs::copy(&files.key, &open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o644)).unwrap();
    let [ca, cert, key, other, open] =
        [&ca, &files.certificate, &files.key, &other.key, &open].map(|path| path.to_str().unwrap());
    for which in BOTH {
        let tls = [("TLS_CERT", cert), ("TLS_KEY", key)];
        for (settings, flag, problem) in [
            (&[("TLS_CERT", cert)][..], "tls-cert", "must be set with --tls-key ("),
            (&[("TLS_KEY", key)], "tls-key", "must be set with --tls-cert ("),
            (&[("TLS_CLIENT_CA", ca)], "tls-client-ca", "must be set with --tls-cert ("),
            (&[("TLS_SERVICES", "a.org=a")], "tls-services", "needs --tls-client-ca ("),
            (&[tls[0], tls[1], ("TLS_SERVICES", "a.org=a")], "tls-services", "needs --tls-client-ca ("),
            (&[tls[0], tls[1], ("TLS_CLIENT_CRL", ca)], "tls-client-crl", "needs --tls-client-ca ("),
            (
                &[tls[0], tls[1], ("TLS_CLIENT_CA", ca), ("TLS_CLIENT_CRL", other)],
                "tls-client-crl",
                "has no revocation list in PEM form",
            ),
            (&[tls[0], tls[1], ("TLS_CLIENT_AUTH", "required")], "tls-client-auth", "needs --tls-client-ca ("),
            (&[tls[0], ("TLS_KEY", other)], "tls-key", "does not match the certificate in"),
            (&[tls[0], ("TLS_KEY", open)], "tls-key", "can read"),
            (&[tls[0], tls[1], ("TLS_CLIENT_CA", open)], "tls-client-ca", "has no certificate in PEM form"),
            (&[("TLS_CERT", "absent.crt"), tls[1]], "tls-cert", "absent.crt cannot be read (entity not found)"),
        ] {
            let settings: Vec<_> = settings.iter().map(|(setting, value)| (name(which, setting), *value)).collect();
            let why = start(which, place.path(), &settings).refuses(2);
            let variable = name(which, &flag.to_uppercase().replace('-', "_"));
            assert!(why.starts_with(&format!("--{flag} ({variable}): ")) && why.contains(problem), "{why}");
        }
        let settings = [(name(which, "TLS_SERVICES"), "*.org=a")];
        let why = start(which, place.path(), &settings).refuses(2);
        assert!(why.contains("write NAME=SERVICE"), "{why}");
    }
}

/// C65: with TLS a service listens beyond loopback without a switch.
#[test]
fn tls_listens_beyond_loopback() {
    let (place, authority) = (folder(), Authority::new("authority"));
    let files = authority.issue(&["localhost"]).write(place.path(), "server");
    let (cert, key) = (files.certificate.to_str().unwrap(), files.key.to_str().unwrap());
    for which in BOTH {
        let (database, prefix) = (file(&place.path().join(which.name())), which.name().to_uppercase());
        let command = |settings: &[(&str, &str)]| {
            let mut command = super::pair::gatepost();
            command.args([which.name(), "--listen", "0.0.0.0:0", "--database-url", &database]);
            command.envs(settings.iter().map(|(name, value)| (format!("{prefix}_{name}"), *value)));
            Service::spawn(&mut command, Vec::new())
        };
        let why = command(&[]).refuses(2);
        assert!(why.contains("plaintext beyond loopback is refused: use TLS or a loopback address"), "{why}");
        let mut service = command(&[("TLS_CERT", cert), ("TLS_KEY", key), ("OPS_LISTEN", "0.0.0.0:0")]);
        service.serves();
        service.stop();
        let mut service = command(&[("INSECURE", "true")]);
        service.wait_for_line(&["plaintext leaves this machine"]);
    }
}

#[test]
fn settings_of_the_auth_services_tls_need_https() {
    let (place, authority) = (folder(), Authority::new("authority"));
    let (ca, files) =
        (authority.write(place.path(), "ca"), authority.issue(&["localhost"]).write(place.path(), "client"));
    let [ca, cert, key] = [&ca, &files.certificate, &files.key].map(|path| path.to_str().unwrap());
    let https = ("BLOG_AUTH_URL", "https://auth.example.org:50051");
    for (settings, problem) in [
        (&[("BLOG_AUTH_CA", ca)][..], "--auth-ca (BLOG_AUTH_CA): has no effect: --auth-url (BLOG_AUTH_URL) is http://"),
        (&[https, ("BLOG_AUTH_CA", "absent.crt")], "--auth-ca (BLOG_AUTH_CA): absent.crt cannot be read"),
        (&[https, ("BLOG_AUTH_CLIENT_CERT", cert)], "must be set with --auth-client-key (BLOG_AUTH_CLIENT_KEY)"),
        (&[https, ("BLOG_AUTH_CLIENT_KEY", key)], "must be set with --auth-client-cert (BLOG_AUTH_CLIENT_CERT)"),
        (&[https, ("BLOG_AUTH_CLIENT_CERT", ca), ("BLOG_AUTH_CLIENT_KEY", key)], "does not match the certificate"),
        (&[https, ("BLOG_AUTH_SERVER_NAME", "a b")], "--auth-server-name (BLOG_AUTH_SERVER_NAME): "),
        (&[("BLOG_AUTH_URL", "http://auth.example.org:1")], "plaintext beyond loopback is refused"),
    ] {
        let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let why = start(Which::Blog, place.path(), &settings).refuses(2);
        assert!(why.contains(problem), "{why}");
    }
    // An auth service beyond loopback needs no switch with TLS.
    let settings = [https, ("BLOG_AUTH_CA", ca)].map(|(name, value)| (name.to_owned(), value));
    let mut blog = start(Which::Blog, place.path(), &settings);
    blog.serves();
    blog.stop();
}
