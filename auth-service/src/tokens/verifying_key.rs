//! The half of a key that verifies, bound to one algorithm (C2).

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::ParsedPublicKey;

use super::{Algorithm, low_s};

/// Verifies signatures of one algorithm. It has no `Debug`: with HS256 it is the secret itself.
pub struct VerifyingKey {
    id: String,
    algorithm: Algorithm,
    material: Material,
}

/// What verifies. A public key has been parsed for its one algorithm.
pub(super) enum Material {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Material {
    pub(super) fn from_secret(secret: &[u8]) -> Self {
        Self::Secret(Box::new(hmac::Key::new(HMAC_SHA256, secret)))
    }
}

impl VerifyingKey {
    /// Whoever calls this has checked that the material is a key of the algorithm.
    pub(super) fn new(id: String, algorithm: Algorithm, material: Material) -> Self {
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

    /// Whether this is a signature of the message.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }

    /// Whether a right signature is the one that a key of this service writes, where arithmetic gives another (C17).
    pub(super) fn writes(&self, signature: &[u8]) -> bool {
        self.algorithm != Algorithm::Es256 || low_s::is_low(signature)
    }
}
