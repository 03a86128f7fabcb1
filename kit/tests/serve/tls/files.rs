//! Files that the server refuses at its start, each with a sentence that shows no secret.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use kit::tls::{ClientAuth, ServerTls};
use testkit::tls::date_time_ymd;

use super::world::{World, now};

/// A change of the files, and a part of the refusal.
type Fault<'f> = (&'f dyn Fn(&World), &'f str);

#[test]
fn file_that_cannot_be_used_is_refused() {
    let write = |path: &std::path::Path, text: &str| fs::write(path, text).unwrap();
    let faults: [Fault<'_>; 12] = [
        (&|world| fs::remove_file(&world.server.certificate).unwrap(), "server.crt cannot be read (entity not found)"),
        (&|world| fs::remove_file(&world.server.key).unwrap(), "server.key cannot be read (entity not found)"),
        (&|world| write(&world.server.certificate, "nonsense"), "server.crt has no certificate in PEM form"),
        (&|world| write(&world.server.key, "nonsense"), "server.key has no private key in PEM form"),
        (
            &|world| write(&world.server.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "server.crt has a certificate that cannot be read",
        ),
        (
            &|world| write(&world.server.certificate, "-----BEGIN CERTIFICATE-----\nA=A\n-----END CERTIFICATE-----\n"),
            "server.crt is broken PEM",
        ),
        (
            &|world| {
                let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary\n-----END ENCRYPTED PRIVATE KEY-----\n";
                write(&world.server.key, encrypted);
            },
            "server.key has an encrypted private key: decrypt it",
        ),
        (
            &|world| write(&world.server.key, "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n"),
            "server.key has a private key that TLS cannot use",
        ),
        (
            &|world| write(&world.server.key, &world.authority.issue(&["127.0.0.1"]).key),
            "server.key has a key that does not match the certificate in ",
        ),
        (
            &|world| {
                let end = date_time_ymd(2020, 1, 1);
                world
                    .authority
                    .issue_with(&["127.0.0.1"], |params| params.not_after = end)
                    .write(world.folder.path(), "server");
            },
            "server.crt has expired on 2020-01-01T00:00:00Z: renew it",
        ),
        (
            &|world| fs::set_permissions(&world.server.key, Permissions::from_mode(0o644)).unwrap(),
            "server.key has a private key that other users can read",
        ),
        (&|world| write(&world.ca, "nonsense"), "ca.crt has no certificate in PEM form"),
    ];
    for (make, sentence) in faults {
        let world = World::new();
        make(&world);
        let error = ServerTls::open(world.files(Some(ClientAuth::Required)), now()).unwrap_err().to_string();
        assert!(error.contains(sentence) && !error.contains("canary"), "{error}");
    }
}
