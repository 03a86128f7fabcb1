//! Makes revocations effective: stamps them for the log, and waits until this replica applies them.

use std::sync::Arc;

use kit::Clock;

use crate::domain::{Logged, Stamp};
use crate::error::AuthError;
use crate::feed::Subscribers;
use crate::stamp::stamp;
use crate::view::View;

/// Parts that make a revocation effective.
pub(crate) struct Revoker {
    /// Revocations that this replica knows.
    pub(crate) view: Arc<View>,
    /// Guards that follow the feed of this replica.
    pub(crate) subscribers: Subscribers,
    pub(crate) clock: Clock,
}

impl Revoker {
    /// Returns the stamp of a log entry that is written now.
    pub(super) fn stamp(&self) -> Stamp {
        stamp(self.clock.now())
    }

    /// Waits until this replica refuses the revoked tokens, then briefly for the guards that follow its feed. A silent
    /// guard delays the call only briefly: without new evidence it soon refuses the tokens by itself.
    ///
    /// A committed revocation is acknowledged even if the log cannot be read. Until the log can be read again, this replica
    /// introspects no token.
    pub(super) async fn take_effect(&self, logged: impl Into<Option<Logged>> + Send) -> Result<(), AuthError> {
        let Some(logged) = logged.into() else { return Ok(()) };
        if self.view.reach(logged).await.is_err() {
            return if self.view.require(logged) { Ok(()) } else { Err(AuthError::Lost) };
        }
        self.subscribers.reached(logged.revision).await;
        Ok(())
    }
}
