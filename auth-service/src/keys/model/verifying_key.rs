//! Public half of a key, bound to one algorithm (C2).

use jsonwebtoken::{DecodingKey, crypto};

use super::jwk::Jwk;
use super::{Algorithm, JwkError};

/// Key that verifies signatures of one algorithm. It has no `Debug`: with HS256 it is the secret itself.
pub struct VerifyingKey {
    id: String,
    algorithm: Algorithm,
    material: DecodingKey,
}

impl VerifyingKey {
    /// Makes a key from an HS256 secret. The caller has checked the secret.
    pub(super) fn from_secret(id: String, secret: &[u8]) -> Self {
        Self { id, algorithm: Algorithm::Hs256, material: DecodingKey::from_secret(secret) }
    }

    /// Parses the key of a JWK: a public key, or the secret for HS256. All members of the text are checked.
    ///
    /// # Errors
    /// [`JwkError`] with the reason to refuse the whole key.
    pub fn from_jwk(json: &str) -> Result<Self, JwkError> {
        let jwk = Jwk::parse(json)?;
        let algorithm = jwk.alg.as_deref().and_then(Algorithm::from_name).ok_or(JwkError::Algorithm)?;
        let material = algorithm.read_jwk(&jwk).ok_or(JwkError::Material)?;
        Ok(Self { id: jwk.kid, algorithm, material })
    }

    /// Returns the key's id, the `kid` of its tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the key's one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns true if `signature`, in base64url as in a token, is a valid signature of the message.
    pub(crate) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        crypto::verify(signature, message, &self.material, self.algorithm.computed_as()).unwrap_or(false)
    }
}
