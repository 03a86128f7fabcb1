//! Settings and a signer for each signing algorithm. Both hold the same key.

use std::sync::LazyLock;

use auth_service::keys::model::{Algorithm, Key, KeyType};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::support::{SECRET, Settings};

/// A key of each type, made once for all tests.
static DOCUMENTS: LazyLock<[Vec<u8>; 3]> =
    LazyLock::new(|| KeyType::ALL.map(|key_type| Key::generate_pkcs8(key_type).unwrap().to_vec()));

/// A signer with a service's key: the secret, or the private key of this type.
#[derive(Clone, Copy)]
pub(crate) struct Signer(Option<KeyType>);

/// Returns one signer for each algorithm.
pub(crate) fn signers() -> [Signer; 4] {
    let [ed25519, p256, rsa] = KeyType::ALL.map(|key_type| Signer(Some(key_type)));
    [Signer(None), ed25519, p256, rsa]
}

impl Signer {
    pub(crate) fn algorithm(self) -> Algorithm {
        self.0.map_or(Algorithm::Hs256, KeyType::algorithm)
    }

    /// Returns settings that make a service sign with this key.
    pub(crate) fn settings(self) -> Settings {
        match self.0 {
            None => Settings { secret: Some(SECRET), ..Settings::default() },
            Some(key_type) => Settings { key_pem: Some(pem(document(key_type))), ..Settings::default() },
        }
    }

    /// Returns a token with any header and payload, and a valid signature.
    pub(crate) fn sign(self, header: &[u8], payload: &[u8]) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.signature(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signature(self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self.0 {
            None => tag(SECRET.as_bytes(), message),
            Some(KeyType::Ed25519) => {
                let pair = Ed25519KeyPair::from_pkcs8(document(KeyType::Ed25519)).unwrap();
                pair.sign(message).as_ref().to_vec()
            }
            Some(KeyType::P256) => {
                let document = document(KeyType::P256);
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).unwrap();
                // Each signature has a twin with another `s`. The service writes the one whose `s` is below half of the
                // curve's order (0xffffffff…), so the test signs until it gets such a signature.
                let mut signatures = std::iter::repeat_with(|| pair.sign(&random, message).unwrap().as_ref().to_vec());
                signatures.find(|signature| signature[32] < 0x7f).unwrap()
            }
            Some(KeyType::Rsa) => {
                let pair = RsaKeyPair::from_pkcs8(document(KeyType::Rsa)).unwrap();
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// Returns the HMAC-SHA-256 tag of the message. Any bytes can be the secret (RFC 7518 §3.2).
pub(crate) fn tag(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(HMAC_SHA256, secret), message).as_ref().to_vec()
}

fn document(key_type: KeyType) -> &'static [u8] {
    let place = KeyType::ALL.iter().position(|other| *other == key_type).unwrap();
    &DOCUMENTS[place]
}

fn pem(document: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(document))
}
