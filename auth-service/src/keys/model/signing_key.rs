//! Private half of a key, bound to one algorithm (C2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, crypto, errors};
use serde_json::Value;

use super::Algorithm;

/// Private half of a key. It has no `Debug`, because it is the secret.
pub(crate) struct SigningKey {
    algorithm: Algorithm,
    key: EncodingKey,
    /// JWK of the public half, without the members about its use.
    public: Option<Value>,
}

impl SigningKey {
    /// Makes an HS256 key from this secret.
    pub(crate) fn from_secret(secret: &[u8]) -> Self {
        Self { algorithm: Algorithm::Hs256, key: EncodingKey::from_secret(secret), public: None }
    }

    /// Reads the key in a PKCS#8 document (RFC 5958), of the type that the document names.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        Algorithm::ALL.into_iter().find_map(|algorithm| {
            let (key, public) = algorithm.read_pkcs8(pkcs8)?;
            Some(Self { algorithm, key, public: Some(public) })
        })
    }

    /// Returns the JWK of the public half, without the members about its use, and the algorithm's name. A secret has no
    /// public half.
    pub(super) fn public(&self) -> Option<(Value, &'static str)> {
        Some((self.public.clone()?, self.algorithm.name()))
    }

    /// Returns the message's signature in base64url, in the form of a JWS (RFC 7518 §3, RFC 8037 §3.1).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<String, errors::Error> {
        let signature = crypto::sign(message, &self.key, self.algorithm.computed_as())?;
        let mut bytes = URL_SAFE_NO_PAD.decode(signature)?;
        self.algorithm.make_canonical(&mut bytes);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}
