//! Concurrent passwords of one account: only a few, so that a burst of guesses cannot bypass the count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number of passwords of one account that wait or are checked at once.
const MAX_AT_ONCE: usize = 4;

/// Number of passwords in progress per account digest.
#[derive(Clone, Default)]
pub(crate) struct Guesses(Arc<Mutex<HashMap<[u8; 32], usize>>>);

/// Slot among the concurrent guesses of an account, freed on drop.
pub(crate) struct Guess {
    account: [u8; 32],
    guesses: Guesses,
}

impl Guesses {
    /// Takes a slot for this account, if one is free.
    pub(crate) fn take(&self, account: [u8; 32]) -> Option<Guess> {
        let mut guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = guesses.entry(account).or_default();
        if *used == MAX_AT_ONCE {
            return None;
        }
        *used += 1;
        drop(guesses);
        Some(Guess { account, guesses: self.clone() })
    }
}

impl Drop for Guess {
    fn drop(&mut self) {
        let mut guesses = self.guesses.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = guesses.get(&self.account).map_or(0, |used| used.saturating_sub(1));
        if left == 0 {
            guesses.remove(&self.account);
        } else {
            guesses.insert(self.account, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_has_four_slots_and_leaves_nothing() {
        let guesses = Guesses::default();
        let mut taken: Vec<_> = (0..MAX_AT_ONCE).map(|_| guesses.take([1; 32]).unwrap()).collect();
        assert!(guesses.take([1; 32]).is_none());
        let other = guesses.take([2; 32]);
        assert!(other.is_some(), "other accounts have their own slots");
        taken.pop();
        assert!(guesses.take([1; 32]).is_some());
        drop((taken, other));
        assert!(guesses.0.lock().unwrap().is_empty());
    }
}
