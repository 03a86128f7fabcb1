//! The half of a key that signs, bound to one algorithm (C2).

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, crypto, errors};
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};

use super::{Algorithm, KeyType, low_s};

/// Signs by one algorithm. It has no `Debug`: it is the secret.
pub(crate) struct SigningKey {
    algorithm: Algorithm,
    key: EncodingKey,
    /// The public half's JWK, without the members that say its use.
    public: Option<Value>,
}

impl SigningKey {
    pub(crate) fn from_secret(secret: &[u8]) -> Self {
        Self { algorithm: Algorithm::Hs256, key: EncodingKey::from_secret(secret), public: None }
    }

    /// The key in a PKCS#8 document (RFC 5958), of the type that the document names; a public half that stands in it
    /// must be the private one's.
    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(pkcs8) {
            let public = json!({"crv": "Ed25519", "kty": "OKP", "x": text(pair.public_key().as_ref())});
            return Some(Self::new(Algorithm::EdDsa, EncodingKey::from_ed_der(pkcs8), public));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8) {
            // 4 for an uncompressed point, then both coordinates in full.
            let (x, y) = pair.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
            let public = json!({"crv": "P-256", "kty": "EC", "x": text(x), "y": text(y)});
            return Some(Self::new(Algorithm::Es256, EncodingKey::from_ec_der(pkcs8), public));
        }
        let pair = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
        let (e, n) = (pair.public_key().exponent(), pair.public_key().modulus());
        let (e, n) = (text(e.big_endian_without_leading_zero()), text(n.big_endian_without_leading_zero()));
        let public = json!({"e": e, "kty": "RSA", "n": n});
        Some(Self::new(Algorithm::Rs256, EncodingKey::from_rsa_der(pkcs1(pkcs8)?), public))
    }

    fn new(algorithm: Algorithm, key: EncodingKey, public: Value) -> Self {
        Self { algorithm, key, public: Some(public) }
    }

    /// A new key's PKCS#8 document, of version 1: others cannot read version 2 (RFC 8410 §7).
    pub(crate) fn generate_pkcs8(of: KeyType) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let random = SystemRandom::new();
        Ok(Zeroizing::new(match of {
            KeyType::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random)?.as_ref().to_vec(),
            KeyType::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?.as_ref().to_vec(),
            // As strong as the others, about 2¹²⁸ (NIST SP 800-57 part 1, table 2), which 2048 bits are not.
            KeyType::Rsa => RsaKeyPair::generate(KeySize::Rsa3072)?.as_der()?.as_ref().to_vec(),
        }))
    }

    /// Returns the public half's JWK, without the members that say its use, and the algorithm's name; a secret has no public
    /// half.
    pub(crate) fn public(&self) -> Option<(Value, &'static str)> {
        Some((self.public.clone()?, self.algorithm.name()))
    }

    /// The message's signature in base64url, as a JWS has it (RFC 7518 §3, RFC 8037 §3.1).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<String, errors::Error> {
        let signature = crypto::sign(message, &self.key, self.algorithm.computed_as())?;
        if self.algorithm != Algorithm::Es256 {
            return Ok(signature);
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(signature)?;
        low_s::lower(&mut bytes);
        Ok(text(&bytes))
    }
}

/// The RSA key's own document (RFC 8017 appendix A.1.2) in a PKCS#8 one that has been read: the library signs with that.
fn pkcs1(pkcs8: &[u8]) -> Option<&[u8]> {
    // A sequence of two bytes' length, version 0, `rsaEncryption` without parameters, an octet string of two bytes' length.
    const PREFIX: usize = 26;
    let (prefix, key) = pkcs8.split_at_checked(PREFIX)?;
    let length = u16::from_be_bytes([prefix[24], prefix[25]]);
    (prefix[22..24] == [0x04, 0x82] && usize::from(length) == key.len()).then_some(key)
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
