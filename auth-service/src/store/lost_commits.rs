//! Database that lacks commits, such as a restored backup: everything that they may have revoked is revoked.

use db::{LossSign, OpenError};

use super::{AuthStore, StoreError, Time};
use crate::domain::LogId;

/// Fate of the API keys in a database that lacks commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyFate {
    /// All are revoked.
    Revoked,
    /// All are as in the database.
    Kept,
}

impl AuthStore {
    /// Returns the sign that the database has lost commits, found when it was opened.
    pub fn loss(&self) -> Option<LossSign> {
        self.db.loss()
    }

    /// Ends all sessions and the API keys, and refuses all tokens issued until now. Gives the log of revocations this
    /// identity, because a guard with a position in the old log must reset. A repetition is harmless.
    ///
    /// # Errors
    /// [`StoreError`]; then only some have ended.
    pub async fn end_all(&self, api_keys: ApiKeyFate, id: LogId, now: Time) -> Result<(), StoreError> {
        self.end_every_session().await?;
        if api_keys == ApiKeyFate::Revoked {
            self.revoke_every_api_key(now).await?;
        }
        self.renew_log(id, now).await
    }

    /// Ends the loss, once all of its possible effects are revoked. Until then each start finds it again.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn accept_loss(&self) -> Result<(), OpenError> {
        self.db.accept_loss().await
    }

    /// Lets the next start of this complete copy begin a new witness of its commits.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn forget_witness(&self) -> Result<(), StoreError> {
        self.db.forget_witness().await
    }
}
