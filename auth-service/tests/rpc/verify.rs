//! Token verification: the lifetime, and the attacks C1 to C21, each with a valid signature of each algorithm.

use std::time::Duration;

use auth_service::keys::model::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::api::auth::v1::{ListSigningKeysRequest, TokenState, VerifyTokenRequest};
use serde_json::{Value, json};

use super::signers::{Signer, signers, tag};
use super::support::{EMAIL, Service, start, start_with};

pub(crate) fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

/// Starts a service that signs with this key, and returns it with the parts of a token.
pub(crate) async fn known(signer: Signer) -> (Service, Value, Value) {
    let service = start_with(signer.settings()).await;
    let token = service.token().await;
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!(header["alg"], signer.algorithm().name());
    let ours = signer.sign(header.to_string().as_bytes(), claims.to_string().as_bytes());
    assert_eq!(service.state(&ours).await, TokenState::Active);
    (service, header, claims)
}

pub(crate) fn changed(value: &Value, name: &str, to: Value) -> Vec<u8> {
    let mut value = value.clone();
    value[name] = to;
    value.to_string().into_bytes()
}

fn without(value: &Value, name: &str) -> Vec<u8> {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(name);
    value.to_string().into_bytes()
}

/// A token lives until its expiry time and not a second longer.
#[tokio::test]
async fn token_expires_to_the_second() {
    for signer in signers() {
        let service = start_with(signer.settings()).await;
        let token = service.token().await;
        service.clock.advance(Duration::from_secs(24 * 3600 - 1));
        assert_eq!(service.state(&token).await, TokenState::Active);
        let request = VerifyTokenRequest { token: token.clone() };
        let answer = service.tokens().verify_token(request).await.unwrap().into_inner();
        assert_eq!(answer.ttl.unwrap().seconds, 1);
        service.clock.advance(Duration::from_secs(1));
        assert_eq!(service.state(&token).await, TokenState::Expired);
    }
}

/// C1, C3, C4, C5, C6, C7: header parameters that ask for another behavior.
#[tokio::test]
async fn token_with_foreign_header_parameters_is_invalid() {
    for signer in signers() {
        headers(signer).await;
    }
}

async fn headers(signer: Signer) {
    let (service, header, claims) = known(signer).await;
    let payload = claims.to_string();
    for (id, name, to) in [
        ("c1", "alg", json!("none")),
        ("c1", "alg", json!("nOnE")),
        ("c1", "alg", json!("hs256")),
        ("c1", "alg", json!("HS384")),
        ("c1", "alg", json!("HS256")),
        ("c1", "alg", json!("EdDSA")),
        ("c1", "alg", json!("ES256")),
        ("c1", "alg", json!("RS256")),
        ("c1", "alg", json!([header["alg"]])),
        ("c3", "jku", json!("http://127.0.0.1:1/keys")),
        ("c3", "jwk", json!({"kty": "oct", "k": "AAAA"})),
        ("c3", "x5u", json!("http://127.0.0.1:1/cert")),
        ("c3", "x5c", json!(["MII"])),
        ("c4", "kid", json!("")),
        ("c4", "kid", json!("../../etc/passwd")),
        ("c4", "kid", json!("' or 1=1 --")),
        ("c4", "kid", json!("a\0b")),
        ("c4", "kid", json!("k".repeat(65))),
        ("c4", "kid", json!(7)),
        ("c5", "crit", json!(["exp"])),
        ("c5", "crit", json!([])),
        ("c5", "b64", json!(false)),
        ("c6", "typ", json!("JWT")),
        ("c6", "typ", json!("AT+JWT")),
        ("c7", "typ", json!("rt+jwt")),
        ("c13", "x", json!("an unknown parameter")),
    ] {
        let token = signer.sign(&changed(&header, name, to.clone()), payload.as_bytes());
        let state = if header[name] == to { TokenState::Active } else { TokenState::Invalid };
        assert_eq!(service.state(&token).await, state, "{id} {name}={to}");
    }
    for name in ["alg", "kid", "typ"] {
        let token = signer.sign(&without(&header, name), payload.as_bytes());
        assert_eq!(service.state(&token).await, TokenState::Invalid, "without {name}");
    }
}

/// C8 to C12: claims that the service did not write.
#[tokio::test]
async fn token_with_foreign_claims_is_invalid() {
    for signer in signers() {
        claims_of_others(signer).await;
    }
}

async fn claims_of_others(signer: Signer) {
    let (service, header, claims) = known(signer).await;
    let header = header.to_string();
    let now = claims["iat"].as_i64().unwrap();
    for (id, name, to) in [
        ("c8", "iss", json!("gatepost.evil")),
        ("c8", "iss", json!(["gatepost"])),
        ("c8", "iss", json!("gatepos")),
        ("c8", "iss", json!(7)),
        ("c9", "aud", json!("other")),
        ("c9", "aud", json!([])),
        ("c9", "aud", json!(["other", "gatepost"])),
        ("c9", "aud", json!("")),
        ("c10", "sub", json!("")),
        ("c10", "sub", json!(1)),
        ("c10", "sub", json!("ada@example.com")),
        ("c11", "exp", json!(now.to_string())),
        ("c11", "exp", json!(1.5e9)),
        ("c11", "exp", json!(-1)),
        ("c11", "exp", json!(null)),
        ("c11", "exp", json!(u64::MAX)),
        ("c11", "exp", json!(i64::MAX)),
        ("c11", "exp", json!(now + 86_401)),
        ("c12", "nbf", json!(now + 3_600)),
        ("c12", "iat", json!(now + 6)),
        ("c12", "iat", json!(-1)),
        ("c13", "admin", json!(true)),
        ("c21", "email", json!("ada@example.com")),
    ] {
        let token = signer.sign(header.as_bytes(), &changed(&claims, name, to.clone()));
        assert_eq!(service.state(&token).await, TokenState::Invalid, "{id} {name}={to}");
    }
    for name in ["iss", "aud", "sub", "sid", "gen", "jti", "iat", "nbf", "exp", "roles"] {
        let token = signer.sign(header.as_bytes(), &without(&claims, name));
        assert_eq!(service.state(&token).await, TokenState::Invalid, "without {name}");
    }
}

/// C13, C14, C15: forms that are not strict.
#[tokio::test]
async fn token_that_is_not_in_strict_form_is_invalid() {
    for signer in signers() {
        forms(signer).await;
    }
}

async fn forms(signer: Signer) {
    let (service, header, claims) = known(signer).await;
    let (header, payload) = (header.to_string(), claims.to_string());
    let good = signer.sign(header.as_bytes(), payload.as_bytes());
    let twice = |json: &str, name: &str, value: &str| format!("{},\"{name}\":{value}}}", &json[..json.len() - 1]);
    let parts: Vec<&str> = good.split('.').collect();
    let array = format!("[{},{},{}]", part(&good, 0)["typ"], part(&good, 0)["alg"], part(&good, 0)["kid"]);
    for (id, token) in [
        ("c13", signer.sign(twice(&header, "alg", &part(&good, 0)["alg"].to_string()).as_bytes(), payload.as_bytes())),
        ("c13", signer.sign(header.as_bytes(), twice(&payload, "exp", "1").as_bytes())),
        ("c13", signer.sign(header.as_bytes(), format!("{payload} {payload}").as_bytes())),
        ("c13", signer.sign(array.as_bytes(), payload.as_bytes())),
        ("c14", format!("{good}=")),
        ("c14", format!(" {good}")),
        ("c14", format!("{good}\n")),
        ("c14", format!("{good}.")),
        ("c14", format!("{good}.{}", parts[2])),
        ("c14", format!("{}.{}", parts[0], parts[1])),
        ("c14", format!("{}..{}", parts[0], parts[2])),
        ("c14", format!("{}.{}.", parts[0], parts[1])),
        ("c14", format!("{}.{}.{}", parts[0], parts[1], parts[2].replace('-', "+").replace('_', "/") + "+")),
        ("c14", json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string()),
        ("c15", format!("{}.{}.{}", parts[0], "A".repeat(4096), parts[2])),
        ("c15", "a".repeat(100_000)),
        ("", String::new()),
    ] {
        assert_eq!(service.state(&token).await, TokenState::Invalid, "{id} {token:.80}");
    }
}

/// C2: a public key does not work as a secret.
#[tokio::test]
async fn public_key_as_a_secret_is_invalid() {
    for signer in signers().into_iter().filter(|signer| signer.algorithm() != Algorithm::Hs256) {
        let (service, header, claims) = known(signer).await;
        let keys = service.tokens().list_signing_keys(ListSigningKeysRequest {}).await.unwrap();
        let jwk = keys.into_inner().keys[0].jwk_json.clone();
        let value: Value = serde_json::from_str(&jwk).unwrap();
        let number = |name: &str| URL_SAFE_NO_PAD.decode(value[name].as_str()?).ok();
        let mut secrets: Vec<Vec<u8>> = ["x", "y", "n", "e"].into_iter().filter_map(number).collect();
        secrets.extend([[&[4], secrets.concat().as_slice()].concat(), jwk.into_bytes(), Vec::new()]);
        for secret in secrets {
            let header = URL_SAFE_NO_PAD.encode(changed(&header, "alg", json!("HS256")));
            let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag(&secret, message.as_bytes())));
            assert_eq!(service.state(&forged).await, TokenState::Invalid, "{:?}", signer.algorithm());
        }
    }
}

/// C16, C17: every flipped bit is found.
#[tokio::test]
async fn token_with_any_flipped_bit_is_invalid() {
    for signer in signers() {
        let service = start_with(signer.settings()).await;
        let token = service.token().await;
        // One bit in each character over the wire; `tokens::tests::flips` has a test of every bit.
        for (place, bit) in (0..token.len()).map(|place| (place, place % 7)) {
            let mut bytes = token.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let Ok(flipped) = String::from_utf8(bytes) else { continue };
            assert_eq!(service.state(&flipped).await, TokenState::Invalid, "{place}.{bit}");
        }
    }
}

/// C19: another key is unknown here.
#[tokio::test]
async fn token_of_another_key_is_invalid() {
    let other = start().await;
    for signer in signers() {
        let token = start_with(signer.settings()).await.token().await;
        assert_eq!(other.state(&token).await, TokenState::Invalid, "{:?}", signer.algorithm());
    }
}

/// C20, C21: ids are unique, and the payload holds no secret.
#[tokio::test]
async fn ids_are_unique_and_payload_holds_no_secret() {
    let service = start().await;
    let first = service.token().await;
    let second = service.login(EMAIL, super::support::PASSWORD).await.unwrap().tokens.unwrap().access_token;
    assert_ne!(part(&first, 1)["jti"], part(&second, 1)["jti"]);
    assert_ne!(part(&first, 1)["sid"], part(&second, 1)["sid"]);
    let names: Vec<_> = part(&first, 1).as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 10, "{names:?}");
    assert!(!part(&first, 1).to_string().contains('@'));
}
