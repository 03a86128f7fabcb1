//! The keys whose tokens are good.

use super::{Key, PublicKey, VerifyingKey};

/// The keys whose tokens are good: the one that signs, and any that only verify.
pub struct KeySet {
    signing: Key,
    others: Vec<VerifyingKey>,
}

impl KeySet {
    /// The set of this one key.
    pub fn new(signing: Key) -> Self {
        Self { signing, others: Vec::new() }
    }

    /// Takes tokens of this key, too. Of two keys with one id the earlier stays.
    #[must_use]
    pub fn with(mut self, key: VerifyingKey) -> Self {
        self.others.push(key);
        self
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

    /// The public keys; a symmetric one has no public half.
    pub fn public(&self) -> Vec<PublicKey> {
        self.signing.public().into_iter().collect()
    }
}
