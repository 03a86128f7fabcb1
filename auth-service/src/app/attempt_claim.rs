//! Counts an attempt before its outcome is known, so that parallel attempts cannot bypass the count.

use chrono::{DateTime, Utc};

use crate::domain::Failures;
use crate::error::AuthError;
use crate::store::{AccountDigest, AuthStore, StoreError};

/// Attempt that has been counted before its outcome is known.
pub(super) struct AttemptClaim {
    store: AuthStore,
    account: AccountDigest,
    /// Failures of the account before the attempt; `None` once the outcome is known.
    seen: Option<Failures>,
}

impl AttemptClaim {
    /// Counts the attempt, unless another attempt was counted first. If the caller leaves, a separate task finishes the
    /// write, and then releases the claim.
    pub(super) async fn make(
        store: &AuthStore,
        account: AccountDigest,
        seen: Failures,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, AuthError> {
        let store = store.clone();
        let claimed = tokio::spawn(async move {
            let is_ours = store.claim_attempt(&account, seen, now).await?;
            Ok::<_, StoreError>(is_ours.then(|| Self { store, account, seen: Some(seen) }))
        });
        match claimed.await {
            Ok(claimed) => Ok(claimed?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Keeps the attempt counted, since its outcome is known. Returns the account's failures with this one.
    pub(super) fn keep(mut self) -> Option<i32> {
        self.seen.take().map(|seen| seen.count.saturating_add(1))
    }
}

/// Releases an attempt without an outcome: the queue was full, or the caller had gone before the hash.
impl Drop for AttemptClaim {
    fn drop(&mut self) {
        let Some(seen) = self.seen.take() else { return };
        let (store, account) = (self.store.clone(), self.account);
        tokio::spawn(async move {
            if store.release_attempt(&account, seen).await.is_err() {
                tracing::warn!("unfinished login attempt stays counted");
            }
        });
    }
}
