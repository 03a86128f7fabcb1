//! The half of a key that signs, bound to one algorithm (C2).

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};

use super::{KeyType, low_s};

/// Signs by one algorithm. It has no `Debug`: it is the secret. The library wipes what it frees.
pub(super) enum SigningKey {
    Hs256(Box<hmac::Key>),
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl SigningKey {
    pub(super) fn from_secret(secret: &[u8]) -> Self {
        Self::Hs256(Box::new(hmac::Key::new(HMAC_SHA256, secret)))
    }

    /// The key in a PKCS#8 document (RFC 5958), of the type that the document names; a public half that stands in it
    /// must be the private one's.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(pkcs8) {
            return Some(Self::EdDsa(pair));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8) {
            return Some(Self::Es256(pair));
        }
        RsaKeyPair::from_pkcs8(pkcs8).ok().map(Self::Rs256)
    }

    /// A new key's PKCS#8 document, of version 1: others cannot read version 2 (RFC 8410 §7).
    pub(super) fn generate_pkcs8(of: KeyType) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let random = SystemRandom::new();
        Ok(Zeroizing::new(match of {
            KeyType::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random)?.as_ref().to_vec(),
            KeyType::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?.as_ref().to_vec(),
            // As strong as the others, about 2¹²⁸ (NIST SP 800-57 part 1, table 2), which 2048 bits are not.
            KeyType::Rsa => RsaKeyPair::generate(KeySize::Rsa3072)?.as_der()?.as_ref().to_vec(),
        }))
    }

    /// The members of the public half's JWK that its thumbprint is made of, in their order (RFC 7638 §3.2, RFC 8037 §2),
    /// and the algorithm's name; a secret has no public half.
    pub(super) fn public(&self) -> Option<(Value, &'static str)> {
        match self {
            Self::Hs256(_) => None,
            Self::EdDsa(pair) => {
                Some((json!({"crv": "Ed25519", "kty": "OKP", "x": text(pair.public_key().as_ref())}), "EdDSA"))
            }
            Self::Es256(pair) => {
                // 4 for an uncompressed point, then both coordinates in full.
                let (x, y) = pair.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
                Some((json!({"crv": "P-256", "kty": "EC", "x": text(x), "y": text(y)}), "ES256"))
            }
            Self::Rs256(pair) => {
                let (e, n) = (pair.public_key().exponent(), pair.public_key().modulus());
                let (e, n) = (text(e.big_endian_without_leading_zero()), text(n.big_endian_without_leading_zero()));
                Some((json!({"e": e, "kty": "RSA", "n": n}), "RS256"))
            }
        }
    }

    /// The message's signature, as a JWS has it (RFC 7518 §3, RFC 8037 §3.1).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match self {
            Self::Hs256(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Es256(pair) => {
                let mut signature = pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec();
                low_s::lower(&mut signature);
                Ok(signature)
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
