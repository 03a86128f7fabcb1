//! Tokens that have been verified are remembered by their digest: a signature is checked once, and times, key and
//! revocations at each use.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gatepost::{Token, TokenDigest};
use quick_cache::sync::Cache;

use super::{TokenFault, VerifiedToken, Verifier};

/// How many tokens are remembered, each in about half a kilobyte. Only what this service has signed gets here, so that
/// garbage pushes nothing out.
const MOST: usize = 50_000;

/// Verifies tokens, and remembers those that were good.
pub struct RememberingVerifier {
    verifier: Verifier,
    known: Cache<TokenDigest, Arc<VerifiedToken>>,
}

impl RememberingVerifier {
    /// Remembers what this one has verified.
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, known: Cache::new(MOST) }
    }

    /// The token, when it is an access token of ours that is live. Whether its session still lives is another question.
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

    /// The key, not known here, by which may be a token what is none by the keys that are.
    pub fn lacks_key(&self, token: &Token, now: DateTime<Utc>) -> Option<String> {
        self.verifier.lacks_key(token.expose(), now)
    }
}
