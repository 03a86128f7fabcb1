//! The half of a key that verifies, bound to one algorithm (C2).

use jsonwebtoken::{DecodingKey, crypto};

use super::{Algorithm, low_s};

/// Verifies signatures of one algorithm. It has no `Debug`: with HS256 it is the secret itself.
pub struct VerifyingKey {
    id: String,
    algorithm: Algorithm,
    material: DecodingKey,
}

impl VerifyingKey {
    /// Whoever calls this has checked that the material is a key of the algorithm.
    pub(super) fn new(id: String, algorithm: Algorithm, material: DecodingKey) -> Self {
        Self { id, algorithm, material }
    }

    /// The key's id, the `kid` of its tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The one algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether this is a signature of the message, in base64url as a token carries it.
    pub(crate) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        crypto::verify(signature, message, &self.material, self.algorithm.computed_as()).unwrap_or(false)
    }

    /// Whether a right signature is the one that a key of this service writes, where arithmetic gives another (C17).
    pub(crate) fn writes(&self, signature: &[u8]) -> bool {
        self.algorithm != Algorithm::Es256 || low_s::is_low(signature)
    }
}
