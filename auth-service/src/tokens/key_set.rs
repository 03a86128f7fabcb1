//! The keys whose tokens are good.

use std::sync::{Arc, PoisonError, RwLock};

use super::{JwkError, Key, PublicKey, VerifyingKey};

/// The keys whose tokens are good: the one that signs, and any that only verify.
pub struct KeySet {
    signing: Arc<Key>,
    others: Vec<VerifyingKey>,
    listed: Vec<PublicKey>,
}

/// The key set in force, which all calls share. It is replaced as a whole, so that whoever has taken it works with one
/// set to the end.
pub struct CurrentKeys(RwLock<Arc<KeySet>>);

impl KeySet {
    /// The set of this one key.
    pub fn new(signing: impl Into<Arc<Key>>) -> Self {
        let signing = signing.into();
        let listed = signing.public().into_iter().collect();
        Self { signing, others: Vec::new(), listed }
    }

    /// Takes tokens of this key, too, without listing it. Of two keys with one id the earlier stays.
    #[must_use]
    pub fn with(mut self, key: VerifyingKey) -> Self {
        self.others.push(key);
        self
    }

    /// Takes tokens of this key, too, and lists it: one that will sign, or has signed.
    ///
    /// # Errors
    /// [`JwkError`], when its JWK is no key.
    pub fn with_public(mut self, key: PublicKey) -> Result<Self, JwkError> {
        self.others.push(VerifyingKey::from_jwk(&key.jwk)?);
        self.listed.push(key);
        Ok(self)
    }

    /// The key that signs new tokens.
    pub fn signing(&self) -> &Key {
        &self.signing
    }

    /// The key with exactly this id, looked up in memory (C4).
    pub fn find(&self, id: &str) -> Option<&VerifyingKey> {
        std::iter::once(self.signing.verifying()).chain(&self.others).find(|key| key.id() == id)
    }

    /// The key, if there is but one: without an id a choice among several would be a guess.
    pub(super) fn only(&self) -> Option<&VerifyingKey> {
        Some(self.signing.verifying()).filter(|_| self.others.is_empty())
    }

    /// The public keys, the signing one first; a symmetric one has no public half.
    pub fn public(&self) -> &[PublicKey] {
        &self.listed
    }
}

impl CurrentKeys {
    /// This set is in force first.
    pub fn new(set: impl Into<Arc<KeySet>>) -> Self {
        Self(RwLock::new(set.into()))
    }

    /// The set in force now.
    pub fn now(&self) -> Arc<KeySet> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another set in its place.
    pub fn replace(&self, set: impl Into<Arc<KeySet>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = set.into();
    }
}
