//! Tests of single keys, and the keys that other tests sign with.

mod documents;
mod jwk;
mod primitives;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, Key, KeyType, VerifyingKey};

pub(crate) const SECRET: &str = "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c";

/// One key of each type, generated once: an RSA key takes a while.
static DOCUMENTS: LazyLock<[Vec<u8>; 3]> =
    LazyLock::new(|| KeyType::ALL.map(|of| Key::generate_pkcs8(of).unwrap().to_vec()));

pub(crate) fn hs256() -> Key {
    Key::hs256(&SECRET.to_owned().into()).unwrap()
}

/// Returns the tests' key of this algorithm, always the same.
pub(crate) fn key(algorithm: Algorithm) -> Key {
    let of = KeyType::ALL.iter().position(|of| of.algorithm() == algorithm);
    of.map_or_else(hs256, |of| Key::from_pkcs8(&DOCUMENTS[of]).unwrap())
}

/// Returns the tests' key of each algorithm.
pub(crate) fn keys() -> [Key; 4] {
    Algorithm::ALL.map(key)
}

/// Returns a new key of this algorithm.
pub(crate) fn other(algorithm: Algorithm) -> Key {
    let of = KeyType::ALL.into_iter().find(|of| of.algorithm() == algorithm);
    let Some(of) = of else {
        return Key::hs256(&URL_SAFE_NO_PAD.encode(kit::random::bytes::<32>()).into()).unwrap();
    };
    Key::from_pkcs8(&Key::generate_pkcs8(of).unwrap()).unwrap()
}

/// Returns the key that verifies this key's tokens, as a set keeps it beside the signing key.
pub(crate) fn half(key: &Key) -> VerifyingKey {
    let secret = || {
        let k = URL_SAFE_NO_PAD.encode(SECRET);
        serde_json::json!({"kty": "oct", "k": k, "kid": key.id(), "alg": "HS256"}).to_string()
    };
    let jwk = key.public().map_or_else(secret, |public| public.jwk);
    VerifyingKey::from_jwk(&jwk).ok().unwrap()
}
