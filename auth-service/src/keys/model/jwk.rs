//! Form of JWKs (RFC 7517) with verification keys.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Longest key id, in bytes.
const MAX_KEY_ID: usize = 64;

/// Reason for the refusal of a JWK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Is not a JSON object with a type and an id.
    #[error("is not a JWK with `kty` and a `kid` of 1 to 64 bytes")]
    Form,
    /// Is for another purpose by its `use` or `key_ops`.
    #[error("is a key for something other than verifying signatures")]
    Use,
    /// Has no known algorithm name. Such a key could be used for two algorithms.
    #[error("has no `alg`, or one other than HS256, EdDSA, ES256 and RS256")]
    Algorithm,
    /// Has another type, is incomplete, is not on its curve, or is too short.
    #[error("holds no key of its algorithm, or one that is too weak")]
    Material,
}

/// Members of a JWK that this service reads; the others are ignored, as RFC 7517 §4 requires.
#[derive(Deserialize)]
pub(super) struct Jwk {
    pub(super) kty: String,
    pub(super) kid: String,
    pub(super) alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    pub(super) crv: Option<String>,
    pub(super) k: Option<String>,
    pub(super) x: Option<String>,
    pub(super) y: Option<String>,
    pub(super) n: Option<String>,
    pub(super) e: Option<String>,
}

impl Jwk {
    /// Parses a JWK, and checks the length of its id and its use.
    pub(super) fn parse(json: &str) -> Result<Self, JwkError> {
        let jwk: Self = object(json.as_bytes()).ok_or(JwkError::Form)?;
        if !(1..=MAX_KEY_ID).contains(&jwk.kid.len()) {
            return Err(JwkError::Form);
        }
        if jwk.is_for_verifying() { Ok(jwk) } else { Err(JwkError::Use) }
    }

    /// Returns true if neither `use` (RFC 7517 §4.2) nor `key_ops` (§4.3) forbids verification.
    fn is_for_verifying(&self) -> bool {
        self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"))
    }
}

/// Parses a JSON object. Serde alone would also accept an array for a struct.
pub(crate) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    json.starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}
