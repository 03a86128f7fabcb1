//! All facts about signature algorithms (C1). Each `match` in this file must decide about a new algorithm before it
//! compiles.

use std::ops::RangeInclusive;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};

use super::jwk::Jwk;
use super::low_s;

/// Shortest HS256 secret, in bytes: the length of the hash (RFC 7518 §3.2).
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// Lengths of an RSA modulus, in bits. RFC 7518 §3.3 sets the minimum; the maximum bounds the work.
const MODULUS_BITS: RangeInclusive<usize> = 2048..=8192;

/// RSA exponent 65537. Others are slow or weak.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// PKCS#8 document of a key pair (RFC 5958), wiped when it is dropped.
pub type Pkcs8 = Zeroizing<Vec<u8>>;

/// Signature algorithm of RFC 7518 §3.1 or RFC 8037 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

/// Type of a key pair. Each type signs with one algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// Ed25519, for `EdDSA`.
    #[default]
    Ed25519,
    /// Curve P-256, for `ES256`.
    P256,
    /// RSA of 2048 to 8192 bits with the exponent 65537, for `RS256`. New keys have 3072 bits.
    Rsa,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// Returns the algorithm with this JOSE name, which is case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Returns the JOSE name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Returns the jsonwebtoken algorithm that computes the signatures.
    pub(super) fn computed_as(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }

    /// Returns the type of key pair that signs with this algorithm, unless it uses a shared secret.
    fn key_type(self) -> Option<KeyType> {
        match self {
            Self::Hs256 => None,
            Self::EdDsa => Some(KeyType::Ed25519),
            Self::Es256 => Some(KeyType::P256),
            Self::Rs256 => Some(KeyType::Rsa),
        }
    }

    /// Returns the lengths of a signature, in bytes.
    fn signature_bytes(self) -> RangeInclusive<usize> {
        match self {
            Self::Hs256 => 32..=32,
            Self::EdDsa | Self::Es256 => 64..=64,
            Self::Rs256 => MODULUS_BITS.start() / 8..=MODULUS_BITS.end() / 8,
        }
    }

    /// Returns true if a signature of this algorithm can have the length of these bytes.
    pub(crate) fn has_length_of(self, signature: &[u8]) -> bool {
        self.signature_bytes().contains(&signature.len())
    }

    /// Returns true if a valid signature has the form that this service writes. For ES256, arithmetic allows a second
    /// valid form (C17).
    pub(crate) fn is_canonical(self, signature: &[u8]) -> bool {
        match self {
            Self::Hs256 | Self::EdDsa | Self::Rs256 => true,
            Self::Es256 => low_s::is_low(signature),
        }
    }

    /// Converts a valid signature to the form that this service writes (C17).
    pub(super) fn make_canonical(self, signature: &mut [u8]) {
        match self {
            Self::Hs256 | Self::EdDsa | Self::Rs256 => {}
            Self::Es256 => low_s::lower(signature),
        }
    }

    /// Returns true if a key pair of the named algorithm can have written these bytes as a signature.
    pub(crate) fn can_write(name: &str, signature: &[u8]) -> bool {
        // The key of HS256 is a secret, not a key pair, so no database stores it.
        Self::from_name(name)
            .filter(|algorithm| algorithm.key_type().is_some())
            .is_some_and(|algorithm| algorithm.has_length_of(signature) && algorithm.is_canonical(signature))
    }

    /// Returns `kty` and `crv` of the algorithm's JWKs.
    fn jwk_type(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Hs256 => ("oct", None),
            Self::EdDsa => ("OKP", Some("Ed25519")),
            Self::Es256 => ("EC", Some("P-256")),
            Self::Rs256 => ("RSA", None),
        }
    }

    /// Reads the key of a JWK, unless the key is of another type, incomplete, not on its curve, or too short.
    pub(super) fn read_jwk(self, jwk: &Jwk) -> Option<DecodingKey> {
        if (jwk.kty.as_str(), jwk.crv.as_deref()) != self.jwk_type() {
            return None;
        }
        match self {
            Self::Hs256 => {
                let secret = bytes(jwk.k.as_deref())?;
                (secret.len() >= MIN_SECRET_BYTES).then(|| DecodingKey::from_secret(&secret))
            }
            Self::EdDsa => {
                let point = bytes(jwk.x.as_deref())?;
                (point.len() == 32).then_some(())?;
                ParsedPublicKey::new(&ED25519, &point).ok()?;
                Some(DecodingKey::from_ed_der(&point))
            }
            Self::Es256 => {
                let (x, y) = (bytes(jwk.x.as_deref())?, bytes(jwk.y.as_deref())?);
                // Both coordinates must have their full length (RFC 7518 §6.2.1.2). Otherwise a point would have
                // several texts.
                (x.len() == 32 && y.len() == 32).then_some(())?;
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).ok()?;
                Some(DecodingKey::from_ec_der(&point))
            }
            Self::Rs256 => {
                let (n, e) = (bytes(jwk.n.as_deref())?, bytes(jwk.e.as_deref())?);
                // A leading zero byte is not part of the number (RFC 7518 §2) and would fake its length.
                let bits = n.len() * 8 - n.first().filter(|first| **first != 0)?.leading_zeros() as usize;
                (MODULUS_BITS.contains(&bits) && e == EXPONENT).then(|| DecodingKey::from_rsa_raw_components(&n, &e))
            }
        }
    }

    /// Reads the key pair of a PKCS#8 document (RFC 5958). Returns the private half, and the JWK of the public half
    /// without the members about its use. A public half in the document must match the private one.
    pub(super) fn read_pkcs8(self, pkcs8: &[u8]) -> Option<(EncodingKey, Value)> {
        let (kty, crv) = self.jwk_type();
        match self {
            Self::Hs256 => None,
            Self::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
                let public = json!({"crv": crv, "kty": kty, "x": text(pair.public_key().as_ref())});
                Some((EncodingKey::from_ed_der(pkcs8), public))
            }
            Self::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
                // An uncompressed point starts with 4; both coordinates follow in full.
                let (x, y) = pair.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
                let public = json!({"crv": crv, "kty": kty, "x": text(x), "y": text(y)});
                Some((EncodingKey::from_ec_der(pkcs8), public))
            }
            Self::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
                let (e, n) = (pair.public_key().exponent(), pair.public_key().modulus());
                let (e, n) = (text(e.big_endian_without_leading_zero()), text(n.big_endian_without_leading_zero()));
                Some((EncodingKey::from_rsa_der(pkcs1(pkcs8)?), json!({"e": e, "kty": kty, "n": n})))
            }
        }
    }
}

impl KeyType {
    /// All types, the default first.
    pub const ALL: [Self; 3] = [Self::Ed25519, Self::P256, Self::Rsa];

    /// Returns the algorithm of keys of this type.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Ed25519 => Algorithm::EdDsa,
            Self::P256 => Algorithm::Es256,
            Self::Rsa => Algorithm::Rs256,
        }
    }

    /// Generates a key and returns its PKCS#8 document, of version 1: other software cannot read version 2 (RFC 8410
    /// §7).
    pub(super) fn generate_pkcs8(self) -> Result<Pkcs8, Unspecified> {
        let random = SystemRandom::new();
        Ok(Pkcs8::new(match self {
            Self::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random)?.as_ref().to_vec(),
            Self::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?.as_ref().to_vec(),
            // About as strong as the other types, 2¹²⁸ (NIST SP 800-57 part 1, table 2). 2048 bits are weaker.
            Self::Rsa => RsaKeyPair::generate(KeySize::Rsa3072)?.as_der()?.as_ref().to_vec(),
        }))
    }
}

/// Returns the RSA private key (RFC 8017 appendix A.1.2) from a PKCS#8 document that was checked before. The library
/// signs with this inner document.
fn pkcs1(pkcs8: &[u8]) -> Option<&[u8]> {
    // A sequence with a two-byte length, version 0, `rsaEncryption` without parameters, an octet string with a two-byte
    // length.
    const PREFIX: usize = 26;
    let (prefix, key) = pkcs8.split_at_checked(PREFIX)?;
    let length = u16::from_be_bytes([prefix[24], prefix[25]]);
    (prefix[22..24] == [0x04, 0x82] && usize::from(length) == key.len()).then_some(key)
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(member: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(member?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C1: only the exact names are known.
    #[test]
    fn only_exact_algorithm_names_are_known() {
        for name in ["HS256", "EdDSA", "ES256", "RS256"] {
            assert_eq!(Algorithm::from_name(name).unwrap().name(), name);
        }
        for name in
            ["", "none", "nOnE", "hs256", "HS256 ", "HS384", "RS384", "RS512", "PS256", "ES384", "ES256K", "Ed25519"]
        {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn key_types_and_algorithms_agree() {
        for of in KeyType::ALL {
            assert_eq!(of.algorithm().key_type(), Some(of));
        }
    }
}
