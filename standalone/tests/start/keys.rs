//! The signing key across restarts: in a file, or sealed in the database, and never lost or replaced by mistake.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::outsider::Home;
use super::pair::folder;
use super::service::{MASTER_KEY, OTHER_MASTER_KEY, SEALED, Service, Which, file};
use super::tokens::{is_active, register};

const AUTH: Which = Which::Auth;

/// The object identifier of Ed25519, which each key has in its plain form (RFC 8410).
const ED25519: &str = "06032b6570";

#[tokio::test(flavor = "multi_thread")]
async fn start_without_a_key_writes_nothing_on_postgresql() {
    let Some(database) = testkit::postgres::database().await else { return };
    let home = Home::Server(database);
    let why = Service::start_with(AUTH, &home.url(), &[]).refuses(1);
    assert!(why.contains("AUTH_MASTER_KEY") && why.contains("JWT_SECRET_KEY"), "{why}");
    assert_eq!(home.outsider().await.all().await, [""; 0]);
}

/// A sealed key survives a restart, and opens only with its master key.
#[tokio::test(flavor = "multi_thread")]
async fn sealed_key_opens_only_with_its_master_key() {
    for home in Home::all().await {
        let url = home.url();
        let mut first = Service::start_with(AUTH, &url, &SEALED);
        let token = register(&first.serves()).await;
        first.stop();
        let mut second = Service::start_with(AUTH, &url, &SEALED);
        assert!(is_active(&second.serves(), &token).await);
        second.stop();

        let why = Service::start_with(AUTH, &url, &[("AUTH_MASTER_KEY", OTHER_MASTER_KEY)]).refuses(1);
        assert!(
            why.starts_with("AUTH_MASTER_KEY is not the one that the signing key in the database was sealed with"),
            "{why}"
        );
        let why = Service::start_with(AUTH, &url, &[]).refuses(1);
        assert!(why.contains("AUTH_MASTER_KEY"), "{why}");

        let hex = if let Home::File(_) = home { "lower(hex(sealed))" } else { "encode(sealed, 'hex')" };
        let kept = home.outsider().await.texts(&format!("select {hex} from signing_keys")).await;
        assert_eq!(kept.len(), 1);
        assert!(!kept[0].contains(ED25519), "the key is stored in plaintext");
        let mut third = Service::start_with(AUTH, &url, &SEALED);
        assert!(is_active(&third.serves(), &token).await, "the refused start changed nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_key_needs_no_master_key() {
    let secret = [("JWT_SECRET_KEY", "thicket-marimba-oblong-quince-42-umbel")];
    for home in Home::all().await {
        let mut first = Service::start_with(AUTH, &home.url(), &secret);
        let token = register(&first.serves()).await;
        first.stop();
        assert!(is_active(&Service::start_with(AUTH, &home.url(), &secret).serves(), &token).await);
    }
}

/// A key file moves into the database, and tokens stay valid.
#[tokio::test(flavor = "multi_thread")]
async fn key_file_moves_into_the_database() {
    let folder = folder();
    let (path, pem) = (folder.path().join("a.db"), folder.path().join("a.key.pem"));
    let mut first = Service::start_with(AUTH, &file(&path), &[]);
    let token = register(&first.serves()).await;
    first.stop();

    let mut second = Service::start_with(AUTH, &file(&path), &[("AUTH_MASTER_KEY", MASTER_KEY)]);
    second.wait_for_line(&["the signing key is sealed in the database now: remove the file"]);
    assert!(is_active(&second.serves(), &token).await);
    second.stop();
    let plain: String = fs::read_to_string(&pem).unwrap().lines().filter(|line| !line.starts_with("-----")).collect();
    let plain = STANDARD.decode(plain).unwrap();
    let data = fs::read(&path).unwrap();
    let inner = &plain[plain.len() / 2..][..16];
    assert!(!data.windows(inner.len()).any(|window| window == inner), "the key is stored in plaintext");

    // With the file and without it: the database's key counts.
    for _ in 0..2 {
        let why = Service::start_with(AUTH, &file(&path), &[]).refuses(1);
        assert!(why.contains("set AUTH_MASTER_KEY"), "{why}");
        let _ = fs::remove_file(&pem);
    }
    let mut third = Service::start_with(AUTH, &file(&path), &SEALED);
    assert!(is_active(&third.serves(), &token).await);
}
