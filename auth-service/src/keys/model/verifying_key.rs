//! The half of a key that verifies, bound to one algorithm (C2).

use jsonwebtoken::{DecodingKey, crypto};

use super::jwk::Jwk;
use super::{Algorithm, JwkError};

/// Verifies signatures of one algorithm. It has no `Debug`: with HS256 it is the secret itself.
pub struct VerifyingKey {
    id: String,
    algorithm: Algorithm,
    material: DecodingKey,
}

impl VerifyingKey {
    /// Binds a key of an HS256 secret that has been checked to its id.
    pub(super) fn from_secret(id: String, secret: &[u8]) -> Self {
        Self { id, algorithm: Algorithm::Hs256, material: DecodingKey::from_secret(secret) }
    }

    /// Reads the key in a JWK: a public one, or for HS256 the secret. Nothing in the text is trusted.
    ///
    /// # Errors
    /// [`JwkError`], which says what is wrong with the key as a whole.
    pub fn from_jwk(json: &str) -> Result<Self, JwkError> {
        let jwk = Jwk::parse(json)?;
        let algorithm = jwk.alg.as_deref().and_then(Algorithm::named).ok_or(JwkError::Algorithm)?;
        let material = algorithm.read_jwk(&jwk).ok_or(JwkError::Material)?;
        Ok(Self { id: jwk.kid, algorithm, material })
    }

    /// Returns the key's id, the `kid` of its tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the one algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns true if this is a signature of the message, in base64url as a token carries it.
    pub(crate) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        crypto::verify(signature, message, &self.material, self.algorithm.computed_as()).unwrap_or(false)
    }
}
