//! Shares of the hashing queue: whoever floods it from one address leaves most of it to the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Hashes of one network that may wait or run at once: a quarter of the queue.
const MOST: usize = 16;

/// How many hashes of each network are under way.
#[derive(Clone, Default)]
pub(crate) struct Shares(Arc<Mutex<HashMap<String, usize>>>);

/// A place in a network's share, given up when it is dropped.
pub(crate) struct Share {
    network: String,
    shares: Shares,
}

impl Shares {
    /// A place in this network's share, or `None` when it has used all of it.
    pub(crate) fn take(&self, network: &str) -> Option<Share> {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = shares.entry(network.to_owned()).or_default();
        if *used == MOST {
            return None;
        }
        *used += 1;
        drop(shares);
        Some(Share { network: network.to_owned(), shares: self.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = shares.get(&self.network).map_or(0, |used| used.saturating_sub(1));
        if left == 0 {
            shares.remove(&self.network);
        } else {
            shares.insert(std::mem::take(&mut self.network), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_and_no_more_and_leaves_nothing_behind() {
        let shares = Shares::default();
        let mut taken: Vec<_> = (0..MOST).map(|_| shares.take("192.0.2.7").unwrap()).collect();
        assert!(shares.take("192.0.2.7").is_none());
        let other = shares.take("192.0.2.8");
        assert!(other.is_some(), "others have their own");
        taken.pop();
        assert!(shares.take("192.0.2.7").is_some());
        drop((taken, other));
        assert!(shares.0.lock().unwrap().is_empty());
    }
}
