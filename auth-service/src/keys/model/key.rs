//! Keys that sign access tokens, each bound to one algorithm.

use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use kit::config::is_patterned;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::algorithm::MIN_SECRET_BYTES;
use super::signing_key::SigningKey;
use super::{Algorithm, KeyType, Pkcs8, VerifyingKey};
use crate::domain::guesses;

/// Minimum number of guesses that a secret must withstand. An attacker who has one token can try more than a billion
/// secrets per second, without a call to the service.
const MIN_SECRET_GUESSES: u64 = 1_000_000_000_000_000;

/// Secrets from tutorials, templates and documentation, in lower case: every attacker knows them.
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

/// Signing key. It has no `Debug`: half of it is a secret.
pub struct Key {
    signing: SigningKey,
    verifying: Arc<VerifyingKey>,
    jwk: Option<String>,
}

/// Public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Id of the key.
    pub id: String,
    /// JOSE name of the algorithm.
    pub algorithm: &'static str,
    /// JWK (RFC 7517) in JSON.
    pub jwk: String,
}

/// Reason to refuse a secret that is too easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Has fewer than 32 bytes.
    #[error("must have at least 32 bytes: make one with `openssl rand -base64 48`")]
    Short,
    /// Stands in public texts.
    #[error("is publicly known: make a new one with `openssl rand -base64 48`")]
    Known,
    /// Is a repeated unit, a count, a keyboard row, or a few common words.
    #[error("is a pattern or easy to guess: make a new one with `openssl rand -base64 48`")]
    Pattern,
}

impl Key {
    /// Makes the HS256 key of a shared secret (RFC 7518 §3.2).
    ///
    /// # Errors
    /// Fails if the secret is shorter than 32 bytes or publicly known (C18).
    pub fn hs256(secret: &SecretString) -> Result<Self, WeakSecret> {
        let text = secret.expose_secret();
        check_secret(text)?;
        let bytes = text.as_bytes();
        // The id is a truncated digest of the secret, with a prefix of its own.
        let digest = Sha256::new().chain_update(b"gatepost kid\0").chain_update(bytes).finalize();
        let id = format!("hs256-{}", URL_SAFE_NO_PAD.encode(&digest[..6]));
        Ok(Self {
            signing: SigningKey::from_secret(bytes),
            verifying: VerifyingKey::from_secret(id, bytes).into(),
            jwk: None,
        })
    }

    /// Reads the key in a PKCS#8 document, of the [`KeyType`] that the document names. The id is the thumbprint (RFC
    /// 7638).
    ///
    /// Returns `None` if the document holds no key of these types, or if its public half does not match.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let signing = SigningKey::from_pkcs8(pkcs8)?;
        let (mut jwk, algorithm) = signing.public()?;
        jwk["kid"] = thumbprint(jwk.clone())?.into();
        jwk["alg"] = algorithm.into();
        jwk["use"] = json!("sig");
        let jwk = jwk.to_string();
        // The key is read as it will be read later for verification, so that a weak key is refused now.
        let verifying = VerifyingKey::from_jwk(&jwk).ok()?;
        Some(Self { signing, verifying: verifying.into(), jwk: Some(jwk) })
    }

    /// Generates a key and returns its PKCS#8 document for [`from_pkcs8`](Self::from_pkcs8).
    ///
    /// # Errors
    /// Fails if the cryptographic library does.
    pub fn generate_pkcs8(key_type: KeyType) -> Result<Pkcs8, Unspecified> {
        key_type.generate_pkcs8()
    }

    /// Returns the key's id, the `kid` of its tokens.
    pub fn id(&self) -> &str {
        self.verifying.id()
    }

    /// Returns the key's one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// Returns the message's signature in base64url.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<String, errors::Error> {
        self.signing.sign(message)
    }

    pub(crate) fn verifying(&self) -> &Arc<VerifyingKey> {
        &self.verifying
    }

    pub(crate) fn public(&self) -> Option<PublicKey> {
        let jwk = self.jwk.clone()?;
        Some(PublicKey { id: self.id().to_owned(), algorithm: self.algorithm().name(), jwk })
    }
}

/// Returns the thumbprint (RFC 7638) of a JWK.
fn thumbprint(jwk: Value) -> Option<String> {
    serde_json::from_value::<Jwk>(jwk).ok()?.thumbprint(ThumbprintHash::SHA256).ok()
}

/// Refuses a secret that is easy to guess.
pub(crate) fn check_secret(text: &str) -> Result<(), WeakSecret> {
    if text.len() < MIN_SECRET_BYTES {
        return Err(WeakSecret::Short);
    }
    if KNOWN_SECRETS.contains(&text.to_ascii_lowercase().as_str()) {
        return Err(WeakSecret::Known);
    }
    if is_patterned(text) || guesses(text, &[]) < MIN_SECRET_GUESSES { Err(WeakSecret::Pattern) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_matches_rfc_7638() {
        // Section 3.1; its key has no private half.
        let n = concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3",
            "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA",
            "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-",
            "kEgU8awapJzKnqDKgw",
        );
        let jwk = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        assert_eq!(thumbprint(jwk).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// C18: weak secrets are refused.
    #[test]
    fn weak_secrets_are_refused() {
        let check = |text: &str| Key::hs256(&text.to_owned().into()).map(|_| ());
        assert_eq!(check(""), Err(WeakSecret::Short));
        assert_eq!(check(&"ab".repeat(15)), Err(WeakSecret::Short));
        for pattern in [
            &"a".repeat(64),
            "qwertyuiopasdfghjklzxcvbnm123456",
            "0123456789abcdef0123456789abcdef",
            "password1password2password3password4",
        ] {
            assert_eq!(check(pattern), Err(WeakSecret::Pattern), "{pattern}");
        }
        for known in KNOWN_SECRETS {
            assert_eq!(check(&known.to_uppercase()), Err(WeakSecret::Known));
        }
        assert_eq!(check("b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c"), Ok(()));
    }
}
