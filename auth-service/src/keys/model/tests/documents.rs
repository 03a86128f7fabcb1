//! Private keys: which documents are accepted (C18), and the signatures and JWKs of each type.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{DOCUMENTS, half, key, keys};
use crate::keys::model::{Algorithm, Key, KeySet, KeyType};

const VECTORS: &str = include_str!("../../../../tests/vectors/private_keys.json");

fn type_of(document: &[u8]) -> Option<KeyType> {
    let algorithm = Key::from_pkcs8(document)?.algorithm();
    KeyType::ALL.into_iter().find(|of| of.algorithm() == algorithm)
}

/// C18: a private key has one of three types and is strong.
#[test]
fn only_strong_keys_of_three_types_are_read() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let (mut keys, mut none) = (0, 0);
    for vector in vectors {
        let document = STANDARD.decode(vector["document"].as_str().unwrap()).unwrap();
        let found = type_of(&document);
        assert_eq!(json!(found.map(|of| format!("{of:?}"))), vector["type"], "{}", vector["name"]);
        *(if found.is_some() { &mut keys } else { &mut none }) += 1;
    }
    assert_eq!((keys, none), (5, 17));
}

/// C18: garbage and truncated documents are refused.
#[test]
fn garbage_and_cut_documents_are_refused() {
    assert!(Key::from_pkcs8(b"").is_none());
    assert!(Key::from_pkcs8(b"no key").is_none());
    assert!(Key::from_pkcs8(&[0x30; 4096]).is_none());
    assert!(Key::from_pkcs8(&kit::random::bytes::<1200>()).is_none());
    for document in &*DOCUMENTS {
        for length in 0..document.len() {
            assert!(Key::from_pkcs8(&document[..length]).is_none(), "{length} of {}", document.len());
        }
    }
}

#[test]
fn each_key_type_is_made_and_read_back() {
    for (of, document) in KeyType::ALL.into_iter().zip(&*DOCUMENTS) {
        assert_eq!(type_of(document), Some(of));
    }
    let of = |at: usize| Key::from_pkcs8(&DOCUMENTS[at]).unwrap().public().unwrap().jwk;
    let n: Value = serde_json::from_str(&of(2)).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(n["n"].as_str().unwrap()).unwrap().len() * 8, 3072);
}

/// C18: a private key with another key's public half is refused.
#[test]
fn mismatched_public_half_is_refused() {
    // A version 2 document ends with the public half.
    let mut ed25519 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref().to_vec();
    assert!(Key::from_pkcs8(&ed25519).is_some());
    *ed25519.last_mut().unwrap() ^= 1;
    assert!(Key::from_pkcs8(&ed25519).is_none());

    // An EC document ends with its point. Another point on the curve replaces it.
    let [_, mut p256, mut rsa] = DOCUMENTS.clone();
    let other = Key::generate_pkcs8(KeyType::P256).unwrap();
    assert_eq!(p256[p256.len() - 65], 4);
    let point = p256.len() - 65;
    p256[point..].copy_from_slice(&other[other.len() - 65..]);
    assert!(Key::from_pkcs8(&p256).is_none());

    // The modulus comes before the exponent 65537, the private exponent and the primes. A changed modulus does not
    // match them.
    let jwk: Value = serde_json::from_str(&key(Algorithm::Rs256).public().unwrap().jwk).unwrap();
    let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let at = rsa.windows(n.len()).position(|window| window == n).unwrap();
    rsa[at + n.len() - 2] ^= 1;
    assert!(Key::from_pkcs8(&rsa).is_none());
}

/// C18: an RSA document is complete or refused.
#[test]
fn damaged_rsa_document_is_refused() {
    let document = &DOCUMENTS[2];
    // After the header, each byte belongs to a number that must agree with the others.
    for place in (30..document.len()).step_by(7) {
        let mut changed = document.clone();
        changed[place] ^= 1 << (place % 8);
        assert!(Key::from_pkcs8(&changed).is_none(), "byte {place}");
    }
}

#[test]
fn listed_key_shows_only_its_public_half() {
    for key in keys() {
        let Some(public) = key.public() else {
            assert_eq!(key.algorithm(), Algorithm::Hs256, "a secret is never listed");
            continue;
        };
        let mut jwk: Value = serde_json::from_str(&public.jwk).unwrap();
        assert_eq!((public.id.as_str(), public.algorithm), (key.id(), key.algorithm().name()));
        assert_eq!(
            (&jwk["kid"], &jwk["alg"], &jwk["use"]),
            (&json!(key.id()), &json!(public.algorithm), &json!("sig"))
        );
        for name in ["kid", "alg", "use"] {
            jwk.as_object_mut().unwrap().remove(name);
        }
        let mut names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, required(key.algorithm()));
        let read = half(&key);
        assert_eq!((read.id(), read.algorithm()), (key.id(), key.algorithm()));
        let signature = key.sign(b"message").unwrap();
        assert!(read.verifies(b"message", &signature) && key.verifying().verifies(b"message", &signature));
        assert!(!read.verifies(b"massage", &signature));
    }
    assert!(KeySet::new(key(Algorithm::Hs256)).public().is_empty());
}

/// Returns the members of a public key (RFC 7518 §6.2.1 and §6.3.1, RFC 8037 §2).
fn required(algorithm: Algorithm) -> &'static [&'static str] {
    match algorithm {
        Algorithm::Hs256 => &[],
        Algorithm::EdDsa => &["crv", "kty", "x"],
        Algorithm::Es256 => &["crv", "kty", "x", "y"],
        Algorithm::Rs256 => &["e", "kty", "n"],
    }
}
