//! The keys that sign access tokens, each bound to one algorithm.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Algorithm, VerifyingKey};

/// The shortest HS256 secret, in bytes: the hash's own length (RFC 7518 §3.2).
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// Secrets that stand in tutorials, templates and documentation, in lower case: anybody can sign with them.
const KNOWN_SECRETS: [&str; 8] = [
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "your-256-bit-secret-your-256-bit-secret",
    "this-is-a-very-long-secret-key-for-jwt-tokens",
    "your-super-secret-jwt-token-with-at-least-32-characters-long",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "change-me-change-me-change-me-change-me",
    "404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970",
];

/// A signing key. It has no `Debug`: half of it is a secret.
pub struct Key {
    signing: EncodingKey,
    verifying: VerifyingKey,
    jwk: Option<String>,
}

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The key id.
    pub id: String,
    /// The algorithm's JOSE name.
    pub algorithm: &'static str,
    /// The key as a JWK (RFC 7517), in JSON.
    pub jwk: String,
}

/// The secret is too easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Fewer than 32 bytes.
    #[error("must have at least 32 bytes: make one with `openssl rand -base64 48`")]
    Short,
    /// Found in public texts, or one character over and over.
    #[error("is publicly known: make a new one with `openssl rand -base64 48`")]
    Known,
}

impl Key {
    /// The HS256 key of a shared secret (RFC 7518 §3.2).
    ///
    /// # Errors
    /// When the secret is shorter than 32 bytes or publicly known (C18).
    pub fn hs256(secret: &SecretString) -> Result<Self, WeakSecret> {
        let text = secret.expose_secret();
        check_secret(text)?;
        let bytes = text.as_bytes();
        // Told apart from other secrets' keys by a digest that is cut short, under a prefix of its own.
        let digest = Sha256::new().chain_update(b"gatepost kid\0").chain_update(bytes).finalize();
        let id = format!("hs256-{}", URL_SAFE_NO_PAD.encode(&digest[..6]));
        Ok(Self {
            signing: EncodingKey::from_secret(bytes),
            verifying: VerifyingKey::new(id, Algorithm::Hs256, DecodingKey::from_secret(bytes)),
            jwk: None,
        })
    }

    /// The Ed25519 key (RFC 8037) in a PKCS#8 document; its id is its thumbprint (RFC 7638).
    ///
    /// Returns `None` when the document holds no such key, or its public half does not match.
    pub fn ed25519(pkcs8: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        let thumbprint = Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        let id = URL_SAFE_NO_PAD.encode(thumbprint);
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "alg": "EdDSA", "use": "sig"}).to_string();
        let public = DecodingKey::from_ed_der(pair.public_key().as_ref());
        Some(Self {
            signing: EncodingKey::from_ed_der(pkcs8),
            verifying: VerifyingKey::new(id, Algorithm::EdDsa, public),
            jwk: Some(jwk),
        })
    }

    /// The key's id, the `kid` of its tokens.
    pub fn id(&self) -> &str {
        self.verifying.id()
    }

    /// The one algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    pub(super) fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    pub(super) fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    pub(super) fn public(&self) -> Option<PublicKey> {
        let jwk = self.jwk.clone()?;
        Some(PublicKey { id: self.id().to_owned(), algorithm: self.algorithm().name(), jwk })
    }
}

/// Refuses a secret that others can guess.
pub(crate) fn check_secret(text: &str) -> Result<(), WeakSecret> {
    if text.len() < MIN_SECRET_BYTES {
        return Err(WeakSecret::Short);
    }
    let one_character = text.bytes().all(|byte| Some(byte) == text.bytes().next());
    if one_character || KNOWN_SECRETS.contains(&text.to_ascii_lowercase().as_str()) {
        return Err(WeakSecret::Known);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;

    use super::*;
    use crate::tokens::KeySet;

    /// The example key of RFC 8037 appendix A.1, as PKCS#8 version 1.
    const RFC_8037: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_8037() {
        let key = Key::ed25519(&URL_SAFE_NO_PAD.decode(RFC_8037).unwrap()).unwrap();
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let jwk: serde_json::Value = serde_json::from_str(&KeySet::new(key).public()[0].jwk).unwrap();
        assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert!(jwk.get("d").is_none(), "the private half is never listed");
    }

    #[test]
    fn c18_weak_secrets_are_refused() {
        let check = |text: &str| Key::hs256(&text.to_owned().into()).map(|_| ());
        assert_eq!(check(""), Err(WeakSecret::Short));
        assert_eq!(check(&"ab".repeat(15)), Err(WeakSecret::Short));
        assert_eq!(check(&"a".repeat(64)), Err(WeakSecret::Known));
        for known in KNOWN_SECRETS {
            assert_eq!(check(&known.to_uppercase()), Err(WeakSecret::Known));
        }
        assert_eq!(check("b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c"), Ok(()));
        assert!(Key::ed25519(b"no key").is_none());
    }

    #[test]
    fn c18_a_private_key_whose_public_half_is_another_is_refused() {
        let mut pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref().to_vec();
        assert!(Key::ed25519(&pkcs8).is_some());
        // Version 2 of the document ends with the public half.
        *pkcs8.last_mut().unwrap() ^= 1;
        assert!(Key::ed25519(&pkcs8).is_none());
    }

    #[test]
    fn a_symmetric_key_is_never_listed() {
        let key = Key::hs256(&"b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c".to_owned().into()).unwrap();
        assert!(KeySet::new(key).public().is_empty());
    }
}
