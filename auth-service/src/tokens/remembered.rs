//! Cache of verified tokens, by digest. The signature is checked once; the times, the key and the revocations are
//! checked at each use.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gatepost::{Token, TokenDigest};
use quick_cache::sync::Cache;

use super::{TokenFault, VerifiedToken, Verifier};

/// Maximum tokens in the cache, each about half a KiB. Only tokens that this service has signed are stored, so forged
/// ones evict nothing.
const MAX_CACHED_TOKENS: usize = 50_000;

/// Verifier with a cache of valid tokens.
pub struct RememberingVerifier {
    verifier: Verifier,
    known: Cache<TokenDigest, Arc<VerifiedToken>>,
}

impl RememberingVerifier {
    /// Adds a cache to this verifier.
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, known: Cache::new(MAX_CACHED_TOKENS) }
    }

    /// Returns the token if it is a live access token of this issuer. The state of its session is not checked here.
    ///
    /// # Errors
    /// [`TokenFault::Expired`] only for a token that this service signed.
    pub fn verify(
        &self,
        token: &Token,
        digest: &TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<Arc<VerifiedToken>, TokenFault> {
        // The key may have left the set since.
        if let Some(known) = self.known.get(digest).filter(|known| self.verifier.has_key(known.key_id(), now)) {
            return known.is_live_at(now, self.verifier.latest(now)).map(|()| known);
        }
        let verified = Arc::new(self.verifier.verify(token.expose(), now)?);
        self.known.insert(*digest, Arc::clone(&verified));
        Ok(verified)
    }

    /// Returns the id of the token's key if the key is unknown and the token may be valid with it.
    pub fn lacks_key(&self, token: &Token, now: DateTime<Utc>) -> Option<String> {
        self.verifier.lacks_key(token.expose(), now)
    }
}
