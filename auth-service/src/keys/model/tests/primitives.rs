//! Wycheproof vectors of the three primitives, through the function that checks every signature (C17).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::keys::model::{JwkError, VerifyingKey};

const ED25519: &str = include_str!("../../../../tests/vectors/wycheproof/ed25519_test.json");
const P256: &str = include_str!("../../../../tests/vectors/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json");
const HMAC: &str = include_str!("../../../../tests/vectors/wycheproof/hmac_sha256_test.json");

fn groups(file: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    file["testGroups"].as_array().unwrap().clone()
}

fn tests(group: &Value) -> &[Value] {
    group["tests"].as_array().unwrap()
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns true if the key accepts the test's signature, which is in the field `name`.
fn verifies(key: &VerifyingKey, test: &Value, name: &str) -> bool {
    key.verifies(&hex(&test["msg"]), &URL_SAFE_NO_PAD.encode(hex(&test[name])))
}

/// C17: Ed25519 accepts a signature in one form only.
#[test]
fn ed25519_accepts_one_form_of_a_signature() {
    let (mut valid, mut invalid, mut malleable) = (0, 0, 0);
    for group in groups(ED25519) {
        let x = base64(&hex(&group["publicKey"]["pk"]));
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "ed", "x": x});
        let key = VerifyingKey::from_jwk(&jwk.to_string()).ok().unwrap();
        for test in tests(&group) {
            let marked = test["result"] == "valid";
            assert_eq!(verifies(&key, test, "sig"), marked, "tcId {}: {}", test["tcId"], test["comment"]);
            *(if marked { &mut valid } else { &mut invalid }) += 1;
            // S + k·L: an equivalent signature with other bytes.
            malleable += u32::from(test["flags"][0] == "SignatureMalleability");
        }
    }
    assert_eq!((valid, invalid, malleable), (88, 63, 8));
}

/// C17: ES256 accepts r and s only in their range and full length.
#[test]
fn es256_requires_range_and_full_length() {
    let (mut valid, mut invalid, mut other_sizes) = (0, 0, 0);
    for group in groups(P256) {
        let point = hex(&group["publicKey"]["uncompressed"]);
        let (x, y) = (base64(&point[1..33]), base64(&point[33..]));
        let jwk = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "ec", "x": x, "y": y});
        let key = VerifyingKey::from_jwk(&jwk.to_string()).ok().unwrap();
        for test in tests(&group) {
            let marked = test["result"] == "valid";
            assert_eq!(verifies(&key, test, "sig"), marked, "tcId {}: {}", test["tcId"], test["comment"]);
            *(if marked { &mut valid } else { &mut invalid }) += 1;
            // DER, truncated or stretched: such signatures do not have 64 bytes, and all are invalid.
            other_sizes += u32::from(hex(&test["sig"]).len() != 64);
            assert!(!der(&key, test), "tcId {} as DER", test["tcId"]);
        }
    }
    assert_eq!((valid, invalid, other_sizes), (173, 89, 21));
}

/// Returns true if the key accepts the test's signature in DER, the form that X.509 uses.
fn der(key: &VerifyingKey, test: &Value) -> bool {
    let signature = hex(&test["sig"]);
    let (r, s) = signature.split_at(signature.len() / 2);
    let integer = |number: &[u8]| {
        let mut number: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        if number.first().is_none_or(|first| first & 0x80 != 0) {
            number.insert(0, 0);
        }
        [&[2, u8::try_from(number.len()).unwrap()], number.as_slice()].concat()
    };
    let body = [integer(r), integer(s)].concat();
    let sequence = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
    key.verifies(&hex(&test["msg"]), &URL_SAFE_NO_PAD.encode(&sequence))
}

/// C17: HS256 accepts whole tags only.
#[test]
fn hs256_requires_a_whole_tag() {
    let (mut valid, mut invalid, mut cut_short, mut weak) = (0, 0, 0, 0);
    for group in groups(HMAC) {
        for test in tests(&group) {
            let secret = base64(&hex(&test["key"]));
            let jwk = json!({"kty": "oct", "alg": "HS256", "kid": "mac", "k": secret});
            match VerifyingKey::from_jwk(&jwk.to_string()) {
                // RFC 7518 §3.2: a secret is at least as long as the hash. The file's other secrets have 256 and 520
                // bits.
                Err(error) => {
                    assert_eq!((error, group["keySize"].as_u64()), (JwkError::Material, Some(128)), "{}", test["tcId"]);
                    weak += 1;
                }
                // The file marks a tag of half the length as valid, but a JWS always has the whole tag (RFC 7518 §3.2).
                Ok(key) if group["tagSize"] == 128 => {
                    assert!(!verifies(&key, test, "tag"), "tcId {}", test["tcId"]);
                    cut_short += 1;
                }
                Ok(key) => {
                    let marked = test["result"] == "valid";
                    assert_eq!(verifies(&key, test, "tag"), marked, "tcId {}: {}", test["tcId"], test["comment"]);
                    *(if marked { &mut valid } else { &mut invalid }) += 1;
                }
            }
        }
    }
    assert_eq!((valid, invalid, cut_short, weak), (30, 54, 84, 6));
}
