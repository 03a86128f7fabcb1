//! The commands on both engines, while a service runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use auth_service::keys::model::{Key, KeyType, Pkcs8};
use auth_service::keys::storage::KeyFile;

use super::output::{done, keys, listed};
use super::outsider::Home;
use super::service::{MASTER_KEY, OTHER_MASTER_KEY, SEALED, Service, Which};
use super::tokens::{is_active, register};

const AUTH: Which = Which::Auth;

/// Returns the settings that the keys need at this place.
fn settings(home: &Home) -> &'static [(&'static str, &'static str)] {
    match home {
        Home::File(_) => &[],
        Home::Server(_) => &SEALED,
    }
}

fn states(url: &str) -> Vec<(String, String)> {
    listed(url).into_iter().map(|[id, _, state]| (id, state)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_listed_and_another_one_follows() {
    for home in Home::all().await {
        let (url, settings) = (home.url(), settings(&home));
        let mut service = Service::start_with(AUTH, &url, settings);
        service.serves();
        let [first, algorithm, state] = listed(&url).remove(0);
        assert_eq!((algorithm.as_str(), state.as_str()), ("EdDSA", "signing"));
        let output = keys(&url, settings, &["rotate", "--lead", "1h", "--algorithm", "es256"]);
        let next = output.out.trim().to_owned();
        assert!(
            output.code == 0 && output.err.starts_with("It is listed from now on, and signs from "),
            "{}",
            output.err
        );
        assert_eq!(states(&url), [(first.clone(), "signing".into()), (next.clone(), "next".into())]);
        assert_eq!(listed(&url)[1][1], "ES256");
        let again = keys(&url, settings, &["rotate"]);
        assert_eq!((again.code, again.out.as_str()), (1, ""));
        assert!(
            again.err.starts_with(&format!("gatepost: the next key {next} exists already and signs from ")),
            "{}",
            again.err
        );
        service.stop();
        let mut service = Service::start_with(AUTH, &url, settings);
        service.serves();
        assert_eq!(states(&url), [(first, "signing".into()), (next, "next".into())], "a restart leaves them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retired_key_dies_at_once_and_another_one_signs() {
    for home in Home::all().await {
        let (url, settings) = (home.url(), settings(&home));
        let mut service = Service::start_with(AUTH, &url, settings);
        let at = service.serves();
        let token = register(&at).await;
        let first = states(&url).remove(0).0;
        let next = done(&url, settings, &["retire", &first]).remove(0);
        // The loop never ends if the service does not learn of the retirement.
        while is_active(&at, &token).await {}
        assert_eq!(states(&url), [(next, "signing".into())]);
        service.stop();
        let mut service = Service::start_with(AUTH, &url, settings);
        assert!(!is_active(&service.serves(), &token).await, "a restart does not revive it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_can_be_given() {
    for home in Home::all().await {
        let (url, settings) = (home.url(), settings(&home));
        Service::start_with(AUTH, &url, settings).serves();
        let folder = super::pair::folder();
        let path = folder.path().join("given.pem");
        let mut openssl = Command::new("openssl");
        openssl.args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"]).arg(&path);
        assert!(openssl.stderr(Stdio::null()).status().unwrap().success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let next = done(&url, settings, &["rotate", "--lead", "1h", "--from", path.to_str().unwrap()]).remove(0);
        assert_eq!(listed(&url)[1], [next.clone(), "RS256".into(), "next".into()]);
        done(&url, settings, &["retire", &next]);
        assert_eq!(states(&url)[1].1, "next", "another key waits in its place");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_id_that_looks_like_a_flag_can_be_retired() {
    let home = Home::all().await.remove(0);
    let url = home.url();
    let folder = super::pair::folder();
    let file = KeyFile::new(folder.path().join("given.pem"));
    let has_id_like = |pkcs8: &Pkcs8| Key::from_pkcs8(pkcs8).unwrap().id().starts_with("-H");
    let given = std::iter::repeat_with(|| Key::generate_pkcs8(KeyType::Ed25519).unwrap()).find(has_id_like).unwrap();
    file.write(&[given]).unwrap();
    Service::start_with(AUTH, &url, &[]).serves();
    let id = done(&url, &[], &["rotate", "--from", file.path().to_str().unwrap()]).remove(0);
    assert!(id.starts_with("-H"));
    done(&url, &[], &["retire", &id]);
    assert!(listed(&url).iter().all(|[other, ..]| *other != id));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_replaces_the_old_one() {
    for home in Home::all().await {
        let url = home.url();
        let mut service = Service::start_with(AUTH, &url, &SEALED);
        let at = service.serves();
        let token = register(&at).await;
        let both = [("AUTH_MASTER_KEY", OTHER_MASTER_KEY), ("AUTH_OLD_MASTER_KEY", MASTER_KEY)];
        assert_eq!(done(&url, &both, &["reseal"]), ["1"]);
        assert!(is_active(&at, &token).await, "a running service still works");
        service.stop();
        let why = Service::start_with(AUTH, &url, &SEALED).refuses(1);
        assert!(why.starts_with("AUTH_MASTER_KEY is not the one that the signing key"), "{why}");
        let mut service = Service::start_with(AUTH, &url, &both[..1]);
        assert!(is_active(&service.serves(), &token).await);
        assert_eq!(done(&url, &both, &["reseal"]), ["0"], "a second run changes no key");
    }
}

/// A lost master key or key file is replaced by a new key.
#[tokio::test(flavor = "multi_thread")]
async fn lost_key_is_replaced_by_a_new_one() {
    for home in Home::all().await {
        let (url, new) = (home.url(), [("AUTH_MASTER_KEY", OTHER_MASTER_KEY)]);
        let mut service = Service::start_with(AUTH, &url, &SEALED);
        let token = register(&service.serves()).await;
        service.stop();
        let first = states(&url).remove(0).0;
        let output = keys(&url, &new, &["retire", &first]);
        assert!(output.code == 1 && output.err.contains("AUTH_MASTER_KEY is not the one"), "{}", output.err);
        done(&url, &new, &["retire", &first, "--lost-master-key"]);
        let mut service = Service::start_with(AUTH, &url, &new);
        assert!(!is_active(&service.serves(), &token).await);
    }
    let folder = super::pair::folder();
    let (url, file) = (super::service::file(&folder.path().join("a.db")), folder.path().join("a.key.pem"));
    let mut service = Service::start_with(AUTH, &url, &[]);
    service.serves();
    service.stop();
    fs::remove_file(&file).unwrap();
    let first = states(&url).remove(0).0;
    let why = Service::start_with(AUTH, &url, &[]).refuses(1);
    assert!(
        why.contains("a.key.pem does not hold the signing key") && why.contains(&format!("keys retire {first}")),
        "{why}"
    );
    assert!(!file.exists(), "no key file is created");
    done(&url, &[], &["retire", &first]);
    Service::start_with(AUTH, &url, &[]).serves();
}

#[tokio::test(flavor = "multi_thread")]
async fn service_program_has_the_same_commands() {
    let home = Home::all().await.remove(0);
    let url = home.url();
    Service::start_with(AUTH, &url, &[]).serves();
    let output = super::pair::gatepost().args(["auth", "keys", "list", "--database-url", &url]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), done(&url, &[], &["list"]));
}
