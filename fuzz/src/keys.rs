//! Signing keys: JWKs, PKCS#8 documents, key files and master keys.

use std::io::Write as _;

use auth_service::keys::model::{Algorithm, Key, KeySet, VerifyingKey};
use auth_service::keys::storage::{KeyFile, MasterKey};
use secrecy::SecretString;
use serde::Deserialize;

use crate::certificates::file_in_memory;

/// Reads the bytes after the first one, which chooses the reader.
pub fn keys(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let text = std::str::from_utf8(data);
    match (kind % 4, text) {
        (0, Ok(text)) => jwk(text),
        (1, _) => pkcs8(data),
        (2, _) => key_file(data),
        (3, Ok(text)) => master_key(text),
        _ => {}
    }
}

/// Members of a JWK that every key has.
#[derive(Deserialize)]
struct Named {
    kty: String,
    kid: String,
    alg: String,
}

/// Compares an accepted JWK with its JSON. Other members may have any value, also a number out of range.
fn jwk(text: &str) {
    let Ok(key) = VerifyingKey::from_jwk(text) else { return };
    let Named { kty, kid, alg } = serde_json::from_str(text).unwrap();
    assert_eq!(kid, key.id());
    assert!((1..=64).contains(&key.id().len()));
    assert_eq!(alg, key.algorithm().name(), "a key is for the algorithm that it names");
    let of_algorithm = match key.algorithm() {
        Algorithm::Hs256 => "oct",
        Algorithm::EdDsa => "OKP",
        Algorithm::Es256 => "EC",
        Algorithm::Rs256 => "RSA",
    };
    assert_eq!(kty, of_algorithm, "no public key is the secret of HS256");
}

/// Lists an accepted key, and reads its public half back.
fn pkcs8(der: &[u8]) {
    let Some(key) = Key::from_pkcs8(der) else { return };
    let set = KeySet::new(key);
    let [public] = set.public() else { panic!("a key pair has one public half") };
    let read = VerifyingKey::from_jwk(&public.jwk).unwrap();
    assert_eq!((read.id(), read.algorithm().name()), (&*public.id, public.algorithm));
    assert!(!public.jwk.contains("\"d\""), "the private half is never listed");
}

fn key_file(pem: &[u8]) {
    let mut file = file_in_memory();
    file.write_all(pem).unwrap();
    if let Ok(keys) = KeyFile::new(file.path().to_owned()).read() {
        assert!(!keys.is_empty(), "a file without a key is refused");
        for filed in keys {
            pkcs8(&filed.pkcs8);
        }
    }
}

/// Seals and opens with an accepted master key, and opens the text itself as a sealed one.
fn master_key(text: &str) {
    let Ok(key) = MasterKey::parse(&SecretString::from(text)) else { return };
    let sealed = key.seal("name", b"plain");
    assert_eq!(key.open("name", &sealed).unwrap().as_slice(), b"plain");
    assert!(key.open("another", &sealed).is_err() && key.open("name", text.as_bytes()).is_err());
}
