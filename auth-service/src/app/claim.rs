//! Counts an attempt ahead of its outcome, so that attempts made at once do not slip past the count.

use chrono::{DateTime, Utc};

use crate::domain::Failures;
use crate::error::Error;
use crate::store::{AccountDigest, Store, StoreError};

/// An attempt that has been counted ahead of its outcome.
pub(super) struct Claim {
    store: Store,
    account: AccountDigest,
    /// The account's failures before the attempt; `None` once the attempt is judged.
    seen: Option<Failures>,
}

impl Claim {
    /// Counts the attempt, unless another has come first. A task of its own ends what a caller who goes meanwhile has begun,
    /// and then gives it back.
    pub(super) async fn make(
        store: &Store,
        account: AccountDigest,
        seen: Failures,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, Error> {
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

    /// Lets the attempt count, which has been judged.
    pub(super) fn keep(mut self) -> bool {
        self.seen.take().is_some()
    }
}

/// An attempt whose password was never hashed does not count: the queue was full, or the caller had gone before.
impl Drop for Claim {
    fn drop(&mut self) {
        let Some(seen) = self.seen.take() else { return };
        let (store, account) = (self.store.clone(), self.account);
        tokio::spawn(async move {
            if store.release_attempt(&account, seen).await.is_err() {
                tracing::warn!("an attempt that was not judged stays counted");
            }
        });
    }
}
