//! Access tokens that no service has seen, for one call each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Account;
use crate::Failure;

/// A supply of unseen tokens. The type has no `Debug`, so that no output shows them.
#[derive(Clone, Default)]
pub(super) struct UnseenTokens(Arc<Mutex<Vec<String>>>);

impl UnseenTokens {
    /// Replaces the supply with this many tokens, which refreshes of these sessions issue.
    pub(super) async fn refill(&self, accounts: &[Account], count: usize) -> Result<(), Failure> {
        let tokens = Account::unseen_tokens(accounts, count).await?;
        *self.lock() = tokens;
        Ok(())
    }

    /// Takes a token; `None` if none is left.
    pub(super) fn take(&self) -> Option<String> {
        self.lock().pop()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
