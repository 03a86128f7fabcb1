//! Access tokens, refresh tokens, API keys and reset codes: only tokens of a known key are accepted.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use auth_service::domain::Audiences;
use auth_service::keys::model::{CurrentKeys, Key, KeySet, KeyType, Timetable, VerifyingKey};
use auth_service::tokens::{ApiKeySecretText, RefreshToken, RememberingVerifier, ResetCode, Verifier};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use gatepost::Token;
use gatepost::api::auth::v1::KeyName;
use gatepost::testing::fuzzing::is_refused_by_form;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use testkit::start;

const SECRET: &str = "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c";
const LIFETIME: Duration = Duration::from_hours(24);

/// Text in a header that stands for the id of the key.
const KEY_ID: &str = "KEY_ID";

struct Verifiers {
    plain: Verifier,
    remembering: RememberingVerifier,
    key_id: String,
    names: Vec<KeyName>,
}

static VERIFIERS: LazyLock<Verifiers> = LazyLock::new(|| {
    let key = Key::hs256(&SecretString::from(SECRET)).unwrap();
    let key_id = key.id().to_owned();
    let public = |key_type| {
        let key = Key::from_pkcs8(&Key::generate_pkcs8(key_type).unwrap()).unwrap();
        VerifyingKey::from_jwk(&KeySet::new(key).public()[0].jwk).unwrap()
    };
    let others = [KeyType::Ed25519, KeyType::P256, KeyType::Rsa].map(public);
    let set = Arc::new(others.into_iter().fold(KeySet::new(key), KeySet::with));
    let name = |(id, algorithm): (&str, auth_service::keys::model::Algorithm)| KeyName {
        id: id.to_owned(),
        algorithm: algorithm.name().to_owned(),
    };
    let names = set.names().map(name).collect();
    let verifier = || {
        let keys = Arc::new(CurrentKeys::new(Timetable::always(Arc::clone(&set))));
        Verifier::new(keys, "gatepost".into(), Audiences::new(vec!["gatepost".into()], None).unwrap(), LIFETIME)
    };
    Verifiers { plain: verifier(), remembering: RememberingVerifier::new(verifier()), key_id, names }
});

/// Reads the text as each kind of token. A text with two lines is a header and a payload, which the target signs.
pub fn tokens(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check(text);
    if let Some((header, payload)) = text.split_once('\n') {
        let header = header.replace(KEY_ID, &VERIFIERS.key_id);
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        check(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag(&message))));
    }
    other_kinds(text);
}

/// Returns the HMAC of a message, computed apart from the service.
fn tag(message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn check(token: &str) {
    let now = start();
    let verified = VERIFIERS.plain.verify(token, now);
    if let Ok(token) = Token::parse(token) {
        // Twice: from the signature, and from the memory.
        for _ in 0..2 {
            let remembered = VERIFIERS.remembering.verify(&token, &token.digest(), now);
            assert_eq!(remembered.is_ok(), verified.is_ok(), "both verifiers agree");
        }
    } else {
        assert!(verified.is_err(), "a token is visible ASCII of at most 4096 bytes");
    }
    let lacking = VERIFIERS.plain.lacks_key(token, now);
    assert_eq!(lacking, None, "fixed keys are never read again");
    let Ok(verified) = verified else { return };
    assert_eq!(verified.key_id(), VERIFIERS.key_id, "only the fuzzer's key can be used");
    let (message, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), tag(message), "the signature is that of the message");
    check_claims(message, now);
    let since = Duration::from_secs(u64::try_from(now.timestamp()).unwrap());
    assert!(!is_refused_by_form(token, VERIFIERS.names.clone(), since), "a guard asks about a valid token");
}

/// Claims of each accepted token.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Value,
    exp: i64,
    iat: i64,
}

/// Reads the claims apart from the service: issuer, audience and times.
fn check_claims(message: &str, now: DateTime<Utc>) {
    let payload = URL_SAFE_NO_PAD.decode(message.split_once('.').unwrap().1).unwrap();
    // Other claims may have any value, also a number out of range.
    let claims: Claims = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims.iss, "gatepost");
    assert!(claims.aud == "gatepost" || claims.aud.as_array().unwrap().iter().any(|one| one == "gatepost"));
    assert!(claims.exp > now.timestamp() && claims.iat <= now.timestamp() + 5);
    assert!(claims.exp - claims.iat <= i64::try_from(LIFETIME.as_secs()).unwrap());
}

/// Reads the text as a token that is not a JWT: its form is exactly what the service writes.
fn other_kinds(text: &str) {
    if let Some(token) = RefreshToken::parse(text) {
        assert_eq!(token.expose(), text);
    }
    if let Some(code) = ResetCode::parse(text) {
        assert_eq!(code.expose(), text);
    }
    if ApiKeySecretText::key_id(text).is_some() {
        assert!(text.starts_with("gp_") && Token::parse(text).is_ok());
    }
    if let Ok(token) = Token::parse(text) {
        assert_eq!(token.expose(), text);
        assert!((1..=4096).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
