//! Reads keys that verify from JWKs (RFC 7517), each for the one algorithm that it names.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::key::MIN_SECRET_BYTES;
use super::{Algorithm, VerifyingKey};

/// The longest key id, in bytes.
const MAX_KEY_ID: usize = 64;

/// The lengths of an RSA modulus, in bits: RFC 7518 §3.3 has the lower one, the upper one bounds the work.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// 65537, the exponent that everybody has: others are slow or weak.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// Why a JWK is no key for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Not a JSON object with a type and an id.
    #[error("is no JWK that has `kty` and a `kid` of 1 to 64 bytes")]
    Form,
    /// Its `use` or `key_ops` says that it is for something else.
    #[error("is a key for something other than verifying signatures")]
    Use,
    /// Without the algorithm's name a key could be taken for two.
    #[error("has no `alg`, or one other than HS256, EdDSA, ES256 and RS256")]
    Algorithm,
    /// Of another type, incomplete, not on its curve, or too short.
    #[error("holds no key of its algorithm, or one that is too weak")]
    Material,
}

/// The members that matter here; RFC 7517 §4 has the others ignored.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    k: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl VerifyingKey {
    /// The key in a JWK: a public one, or for HS256 the secret. Its text is somebody else's, so it is believed in nothing.
    ///
    /// # Errors
    /// [`JwkError`], which says what is wrong with the key as a whole.
    pub fn from_jwk(json: &str) -> Result<Self, JwkError> {
        let jwk: Jwk = object(json.as_bytes()).ok_or(JwkError::Form)?;
        if !(1..=MAX_KEY_ID).contains(&jwk.kid.len()) {
            return Err(JwkError::Form);
        }
        if !jwk.is_for_verifying() {
            return Err(JwkError::Use);
        }
        let algorithm = jwk.alg.as_deref().and_then(Algorithm::named).ok_or(JwkError::Algorithm)?;
        let material = jwk.material(algorithm).ok_or(JwkError::Material)?;
        Ok(Self::new(jwk.kid, algorithm, material))
    }
}

impl Jwk {
    /// Whether neither `use` (RFC 7517 §4.2) nor `key_ops` (§4.3) is against it.
    fn is_for_verifying(&self) -> bool {
        self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"))
    }

    fn material(&self, algorithm: Algorithm) -> Option<DecodingKey> {
        match (algorithm, self.kty.as_str(), self.crv.as_deref()) {
            (Algorithm::Hs256, "oct", None) => {
                let secret = bytes(self.k.as_deref())?;
                (secret.len() >= MIN_SECRET_BYTES).then(|| DecodingKey::from_secret(&secret))
            }
            (Algorithm::EdDsa, "OKP", Some("Ed25519")) => {
                let point = bytes(self.x.as_deref())?;
                (point.len() == 32).then_some(())?;
                ParsedPublicKey::new(&ED25519, &point).ok()?;
                Some(DecodingKey::from_ed_der(&point))
            }
            (Algorithm::Es256, "EC", Some("P-256")) => {
                let (x, y) = (bytes(self.x.as_deref())?, bytes(self.y.as_deref())?);
                // Each has its full length (RFC 7518 §6.2.1.2), or one point would have several texts.
                (x.len() == 32 && y.len() == 32).then_some(())?;
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).ok()?;
                Some(DecodingKey::from_ec_der(&point))
            }
            (Algorithm::Rs256, "RSA", None) => {
                let (n, e) = (bytes(self.n.as_deref())?, bytes(self.e.as_deref())?);
                // A leading zero byte is no part of a number (RFC 7518 §2), and would pass for length.
                let bits = n.len() * 8 - n.first().filter(|first| **first != 0)?.leading_zeros() as usize;
                (MODULUS_BITS.contains(&bits) && e == EXPONENT).then(|| DecodingKey::from_rsa_raw_components(&n, &e))
            }
            _ => None,
        }
    }
}

fn bytes(member: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(member?).ok()
}

/// Reads a JSON object; serde would take an array for a struct, too.
pub(crate) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    json.starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}
