//! Keys of a running service: no token is refused because of a rotation, and the retirement of a key kills all its
//! tokens.

use std::time::Duration;

use auth_service::domain::{Actor, AuditEventId, AuditKind, EntryFingerprint, NewAuditEvent, Stamp};
use auth_service::keys::model::{Key, KeyType, Pkcs8};
use auth_service::keys::rotation::Keyring;
use auth_service::keys::storage::{KeyFile, KeyStorage};
use auth_service::store::{AuthStore, DatabaseUrl};
use auth_service::{AuthConfig, AuthFlags, AuthRunError};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::api::auth::v1::{ListSigningKeysRequest, TokenState};
use kit::config::{Environment, parse};
use kit::shutdown::Shutdown;
use serde_json::json;
use tokio::net::TcpListener;
use tonic::Code;

use super::support::{EMAIL, PASSWORD, SECRET, Service, Settings, refused, start, start_in, start_with};
use super::verify::part;

const DAY: Duration = Duration::from_hours(24);
const OTHER_SECRET: &str = "0f4a7c1e-93d5-4b68-a2f0-6e1d8c5b7a94";

impl Service {
    /// Returns the ids of the listed keys, the signing one first.
    pub(crate) async fn listed(&self) -> Vec<String> {
        let keys = self.tokens().list_signing_keys(ListSigningKeysRequest {}).await.unwrap().into_inner().keys;
        keys.into_iter().map(|key| key.id).collect()
    }

    /// Waits until this many keys are listed.
    async fn lists(&self, count: usize) -> Vec<String> {
        loop {
            let listed = self.listed().await;
            if listed.len() == count {
                return listed;
            }
        }
    }

    async fn new_token(&self) -> String {
        self.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token
    }

    /// Returns the store and keyring of an operator's command, while the service runs.
    pub(crate) async fn operator(&self) -> (AuthStore, Keyring) {
        let store = AuthStore::open_beside(&DatabaseUrl::file(self.database())).await.unwrap();
        let storage = KeyStorage::File(KeyFile::beside(&self.database()));
        (store.clone(), Keyring::new(store, self.clock.clone(), storage))
    }
}

fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

pub(crate) fn document() -> Pkcs8 {
    Key::generate_pkcs8(KeyType::Ed25519).unwrap()
}

/// C19: a key is replaced by age, and every token is good until it expires.
#[tokio::test]
async fn rotation_by_age_keeps_tokens_until_expiry() {
    let service = start().await;
    let first = kid(&service.token().await);
    let (folder, clock) = service.stop().await;
    clock.advance(89 * DAY + Duration::from_hours(23));
    let service = start_in(folder, clock, Settings::default()).await;
    assert_eq!(service.listed().await, std::slice::from_ref(&first), "the key is young");
    let (folder, clock) = service.stop().await;
    clock.advance(Duration::from_hours(1));
    let service = start_in(folder, clock, Settings::default()).await;
    let [signing, next] = service.lists(2).await.try_into().unwrap();
    assert_eq!(signing, first);
    let old = service.new_token().await;
    assert_eq!(kid(&old), first, "the next key is listed before it signs");
    service.clock.advance(Duration::from_mins(10));
    let new = service.new_token().await;
    assert_eq!((kid(&new), service.listed().await), (next.clone(), vec![next.clone(), first.clone()]));
    service.clock.advance(Duration::from_mins(23 * 60 + 49) + Duration::from_secs(59));
    assert_eq!([service.state(&old).await, service.state(&new).await], [TokenState::Active; 2]);
    service.clock.advance(Duration::from_secs(1));
    assert_eq!([service.state(&old).await, service.state(&new).await], [TokenState::Expired, TokenState::Active]);
    service.clock.advance(Duration::from_mins(11));
    assert_eq!(service.listed().await, std::slice::from_ref(&next));
    // The key is gone, so its signatures cannot be checked.
    assert_eq!(service.state(&old).await, TokenState::Invalid);
    let (folder, clock) = service.stop().await;
    let service = start_in(folder, clock, Settings::default()).await;
    assert_eq!(kid(&service.new_token().await), next, "the key survives a restart");
}

#[tokio::test]
async fn keys_without_a_maximum_age_do_not_rotate() {
    let settings = || Settings { flags: &["--signing-key-max-age", "0s"], ..Settings::default() };
    let service = start_with(settings()).await;
    let first = kid(&service.token().await);
    let (folder, clock) = service.stop().await;
    clock.advance(1000 * DAY);
    let service = start_in(folder, clock, settings()).await;
    service.new_token().await;
    assert_eq!(service.listed().await, [first]);
}

#[tokio::test]
async fn new_key_has_the_set_algorithm_and_old_one_stays() {
    let service = start().await;
    service.token().await;
    let (folder, clock) = service.stop().await;
    clock.advance(90 * DAY);
    let flags = &["--signing-algorithm", "es256", "--signing-key-lead", "1h"];
    let service = start_in(folder, clock, Settings { flags, ..Settings::default() }).await;
    service.lists(2).await;
    let old = service.new_token().await;
    service.clock.advance(Duration::from_hours(1));
    let new = service.new_token().await;
    assert_eq!([&old, &new].map(|token| part(token, 0)["alg"].clone()), [json!("EdDSA"), json!("ES256")]);
    assert_eq!([service.state(&old).await, service.state(&new).await], [TokenState::Active; 2]);
}

/// C19: a key that a command retires is dead, and logins still work.
#[tokio::test]
async fn retired_key_is_dead_and_logins_work() {
    let service = start().await;
    let token = service.token().await;
    let (store, keyring) = service.operator().await;
    keyring.retire(&kid(&token), document(), false).await.unwrap();
    store.close().await;
    // The loop never ends if the service does not learn of the retirement.
    while service.state(&token).await == TokenState::Active {}
    assert_eq!(service.state(&token).await, TokenState::Invalid);
    let new = service.new_token().await;
    assert_ne!(kid(&new), kid(&token));
    assert_eq!(service.state(&new).await, TokenState::Active);
    assert_eq!(service.listed().await, [kid(&new)]);
}

/// C4: a token of a key made a moment ago is never called invalid.
#[tokio::test]
async fn token_of_a_brand_new_key_is_never_invalid() {
    let service = start().await;
    let token = service.token().await;
    let (store, keyring) = service.operator().await;
    for _ in 0..5 {
        let next = document();
        keyring.rotate(next.clone(), service.clock.now()).await.unwrap().unwrap();
        let header = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": Key::from_pkcs8(&next).unwrap().id()});
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), token.split('.').nth(1).unwrap());
        let signature = Ed25519KeyPair::from_pkcs8(&next).unwrap().sign(message.as_bytes());
        let signed = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(service.state(&signed).await, TokenState::Active);
        // A token of an unknown key is looked up, and is invalid.
        let header = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": "nobody"});
        let unknown =
            signed.replacen(signed.split('.').next().unwrap(), &URL_SAFE_NO_PAD.encode(header.to_string()), 1);
        assert_eq!(service.state(&unknown).await, TokenState::Invalid);
        service.clock.advance(Duration::from_secs(1));
    }
    store.close().await;
}

/// A service issues no tokens after its only known key is killed.
#[tokio::test]
async fn killed_only_key_issues_no_tokens() {
    let service = start_with(Settings { secret: Some(SECRET), ..Settings::default() }).await;
    let token = service.token().await;
    // The same happens when another replica starts with another secret.
    let store = AuthStore::open_beside(&DatabaseUrl::file(service.database())).await.unwrap();
    let stamp = Stamp { fingerprint: EntryFingerprint([7; 16]), time: service.clock.now() };
    let event = NewAuditEvent::new(AuditEventId::MAX, stamp.time, AuditKind::SecretKeyReplaced, Actor::System.into());
    store.remember_secret_key("another", stamp, &event).await.unwrap();
    store.close().await;
    while service.state(&token).await == TokenState::Active {}
    assert_eq!(service.state(&token).await, TokenState::Revoked);
    let status = service.login(EMAIL, PASSWORD).await.unwrap_err();
    let registered = service.register("bob@example.com").await.unwrap_err();
    assert_eq!(registered.code(), Code::Unavailable);
    refused(
        &status,
        Code::Unavailable,
        "STORE_UNAVAILABLE",
        "the database cannot be reached now, try again in a moment",
    );
}

/// A replaced secret kills its tokens, and cannot come back for a day.
#[tokio::test]
async fn replaced_secret_kills_its_tokens_for_a_day() {
    let with = |secret| Settings { secret: Some(secret), ..Settings::default() };
    let service = start_with(with(SECRET)).await;
    let old = service.token().await;
    let (folder, clock) = service.stop().await;
    let service = start_in(folder, clock, with(OTHER_SECRET)).await;
    assert_eq!(service.state(&old).await, TokenState::Invalid);
    let new = service.new_token().await;
    assert_eq!(service.state(&new).await, TokenState::Active);
    let (folder, clock) = service.stop().await;

    let database = format!("sqlite:{}", folder.path().join("auth.db").display());
    let args = ["auth-service", "--listen", "127.0.0.1:0", "--database-url", &database].map(Into::into);
    let flags: AuthFlags = parse(args, Environment::new(|_| None), &[]).unwrap();
    let mut config = AuthConfig::new(flags, Environment::new(|_| None), clock.clone()).unwrap();
    config.secret_key = Some(Key::hs256(&SECRET.into()).unwrap());
    let listener = TcpListener::bind(config.flags.listen).await.unwrap();
    let error = auth_service::run(config, listener, Shutdown::new()).await.unwrap_err();
    assert!(matches!(error, AuthRunError::Keyring(_)), "{error}");
    assert!(error.to_string().starts_with("JWT_SECRET_KEY was replaced by another secret"), "{error}");

    // The refused start has killed nothing: the other service still works.
    let service = start_in(folder, clock, with(OTHER_SECRET)).await;
    assert_eq!(service.state(&new).await, TokenState::Active);
    let (folder, clock) = service.stop().await;

    // After a change to a key pair, no earlier token is valid again; a secret that comes back would revive them.
    let service = start_in(folder, clock, Settings::default()).await;
    assert_eq!([service.state(&old).await, service.state(&new).await], [TokenState::Invalid; 2]);
    assert_eq!(service.state(&service.new_token().await).await, TokenState::Active);
}

#[tokio::test]
async fn another_issuer_ends_every_token_and_no_session() {
    let service = start().await;
    let answer = service.register(EMAIL).await.unwrap().tokens.unwrap();
    let (folder, clock) = service.stop().await;
    clock.advance(Duration::from_secs(2));
    let flags = &["--issuer", "https://auth.example"];
    let service = start_in(folder, clock, Settings { flags, ..Settings::default() }).await;
    assert_eq!(service.state(&answer.access_token).await, TokenState::Invalid);
    let request = gatepost::api::auth::v1::RefreshTokenRequest {
        refresh_token: answer.refresh_token,
        ..gatepost::api::auth::v1::RefreshTokenRequest::default()
    };
    let fresh = service.auth().refresh_token(request).await.unwrap().into_inner().tokens.unwrap().access_token;
    assert_eq!(service.state(&fresh).await, TokenState::Active);
    let (folder, clock) = service.stop().await;
    let service = start_in(folder, clock, Settings { flags, ..Settings::default() }).await;
    assert_eq!(service.state(&fresh).await, TokenState::Active, "the same issuer ends nothing");
}
