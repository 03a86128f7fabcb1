//! The key set as other services see it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use auth_service::{AuthConfig, AuthFlags, AuthRunError};
use gatepost::api::auth::v1::{ListSigningKeysRequest, TokenState, VerifyTokenRequest};
use kit::config::{ConfigError, Environment, parse};
use kit::shutdown::Shutdown;
use tokio::net::TcpListener;

use super::signers::signers;
use super::support::{SECRET, SERVICE_KEY, Settings, make_database, serve, start, start_in, start_with};
use super::verify::part;

#[tokio::test]
async fn key_set_lists_public_half_only() {
    let mut listed = Vec::new();
    for signer in signers() {
        let service = start_with(signer.settings()).await;
        let token = service.token().await;
        let keys = service.tokens().list_signing_keys(ListSigningKeysRequest {}).await.unwrap().into_inner().keys;
        for key in keys {
            let jwk: serde_json::Value = serde_json::from_str(&key.jwk_json).unwrap();
            assert_eq!(
                (key.algorithm.as_str(), key.id.as_str()),
                (signer.algorithm().name(), jwk["kid"].as_str().unwrap())
            );
            assert_eq!(jwk["kid"], part(&token, 0)["kid"]);
            let mut names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            listed.push(format!(
                "{} {} {}",
                jwk["kty"].as_str().unwrap(),
                jwk["alg"].as_str().unwrap(),
                names.join(" ")
            ));
        }
        assert_eq!(service.state(&token).await, TokenState::Active);
    }
    assert_eq!(
        listed,
        ["OKP EdDSA alg crv kid kty use x", "EC ES256 alg crv kid kty use x y", "RSA RS256 alg e kid kty n use"]
    );
}

#[tokio::test]
async fn key_of_each_type_survives_a_restart() {
    for signer in signers() {
        let service = start_with(signer.settings()).await;
        let token = service.token().await;
        let (folder, clock) = service.stop().await;
        let again = start_in(folder, clock, Settings { key_pem: None, ..signer.settings() }).await;
        assert_eq!(again.state(&token).await, TokenState::Active, "{:?}", signer.algorithm());
    }
}

#[tokio::test]
async fn symmetric_key_is_never_listed() {
    let service = start_with(Settings { secret: Some(SECRET), ..Settings::default() }).await;
    let keys = service.tokens().list_signing_keys(ListSigningKeysRequest {}).await.unwrap().into_inner().keys;
    assert!(keys.is_empty());
    assert!(!service.key_file().exists(), "a secret needs no key file");
    let token = service.token().await;
    assert_eq!(service.state(&token).await, TokenState::Active);
}

#[tokio::test]
async fn service_key_is_accepted_in_place_of_a_token() {
    let service = start_with(Settings { service_key: Some(SERVICE_KEY), ..Settings::default() }).await;
    assert_eq!(service.state(SERVICE_KEY).await, TokenState::Active);
    assert_eq!(service.state(&SERVICE_KEY[1..]).await, TokenState::Invalid);
    assert_eq!(start().await.state(SERVICE_KEY).await, TokenState::Invalid, "no service key is configured");
}

/// Two keys of one service overlap, and the token of each names the service.
#[tokio::test]
async fn each_service_key_names_its_service() {
    const KEYS: [&str; 2] = [SECRET, "thicket-marimba-oblong-quince-42-umbel"];
    let named: fn(&str) -> Option<OsString> =
        |name| (name == "AUTH_SERVICE_KEY").then(|| format!("blog:{},blog:{}", KEYS[0], KEYS[1]).into());
    let folder = testkit::folder();
    let config = config(folder.path(), named).unwrap();
    let service = serve(config, folder, testkit::clock()).await;
    for key in KEYS {
        let answer = service.tokens().verify_token(VerifyTokenRequest { token: key.into() }).await.unwrap();
        assert_eq!(answer.into_inner().claims.unwrap().subject, "blog");
    }
    assert_eq!(service.state(&format!("blog:{SECRET}")).await, TokenState::Invalid, "the name is not part of the key");
}

/// Returns the settings of a service with its database and key in this folder.
fn config(folder: &Path, environment: fn(&str) -> Option<OsString>) -> Result<AuthConfig, ConfigError> {
    let database = format!("sqlite:{}", folder.join("auth.db").display());
    let args = ["auth-service", "--listen", "127.0.0.1:0", "--database-url", &database].map(Into::into);
    let flags: AuthFlags = parse(args, Environment::new(|_| None), &[]).unwrap();
    AuthConfig::new(flags, Environment::new(environment), testkit::clock())
}

/// C18: a secret that others can guess is refused.
#[test]
fn guessable_secret_is_refused() {
    type Read = fn(&str) -> Option<OsString>;
    let folder = testkit::folder();
    let weak: [(Read, &str); 4] = [
        (|name| (name == "JWT_SECRET_KEY").then(|| "b3f1c8d2".into()), "at least 32 bytes"),
        (|name| (name == "JWT_SECRET_KEY").then(|| "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7".into()), "at least 32 bytes"),
        (|name| (name == "JWT_SECRET_KEY").then(|| "z".repeat(64).into()), "is a pattern"),
        (|name| (name == "JWT_SECRET_KEY").then(|| "a-string-secret-at-least-256-bits-long".into()), "publicly known"),
    ];
    for (read, sentence) in weak {
        let said = config(folder.path(), read).err().unwrap().to_string();
        assert!(said.contains("JWT_SECRET_KEY") && said.contains(sentence), "{said}");
        assert!(!said.contains("b3f1c8d2") && !said.contains("zzz") && !said.contains("a-string-secret"), "{said}");
    }
    assert!(config(folder.path(), |_| None).is_ok());
}

/// C18: a master key that others can guess is refused.
#[test]
fn guessable_master_key_is_refused() {
    type Read = fn(&str) -> Option<OsString>;
    let folder = testkit::folder();
    let bad: [(Read, &str); 3] = [
        (|name| (name == "AUTH_MASTER_KEY").then(|| "canary".into()), "must be 32 bytes in base64"),
        (|name| (name == "AUTH_MASTER_KEY").then(|| "canarycanary".repeat(4)[..43].into()), "is a pattern"),
        (|name| (name == "AUTH_MASTER_KEY_FILE").then(|| "/canary/none".into()), "the file cannot be read"),
    ];
    for (read, sentence) in bad {
        let said = config(folder.path(), read).err().unwrap().to_string();
        assert!(said.starts_with("AUTH_MASTER_KEY") && said.contains(sentence), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
    let good: Read = |name| (name == "AUTH_MASTER_KEY").then(|| "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM=".into());
    assert!(config(folder.path(), good).unwrap().master_key.is_some());
    assert!(config(folder.path(), |_| None).unwrap().master_key.is_none());
}

/// C18: a key file without a good key ends the service before it serves.
#[tokio::test]
async fn key_file_without_a_good_key_prevents_the_start() {
    for (text, mode, sentence) in [
        ("no key", 0o600, "holds something other than Ed25519, P-256 and RSA keys"),
        // The example of RFC 8037 appendix A.1, truncated.
        (
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1h\n-----END PRIVATE KEY-----",
            0o600,
            "holds something other than Ed25519, P-256 and RSA keys",
        ),
        ("no key", 0o644, "can be read by other users"),
    ] {
        let folder = testkit::folder();
        let file = folder.path().join("auth.key.pem");
        make_database(folder.path()).await;
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let config = config(folder.path(), |_| None).unwrap();
        let listener = TcpListener::bind(config.flags.listen).await.unwrap();
        let error = auth_service::run(config, listener, Shutdown::new()).await.unwrap_err();
        assert!(matches!(error, AuthRunError::Keyring(_)) && error.to_string().contains(sentence), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text, "the file is unchanged");
    }
}
