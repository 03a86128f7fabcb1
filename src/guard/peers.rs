//! Peers and the outcomes of their recent tokens.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

/// Maximum number of remembered peers. The least active ones are evicted.
const MAX_PEERS: usize = 10_000;

/// Number of outcomes per peer that count as recent.
const RECENT_TOKENS: u32 = 32;

/// Number of bad tokens after which a peer without a valid one is suspect.
const MAX_BAD_TOKENS: u32 = 4;

/// Maximum concurrent requests of one peer until one of its tokens is valid.
pub(super) const MAX_CONCURRENT_REQUESTS: usize = 8;

/// The recently active peers.
pub(super) struct Peers(Cache<SocketAddr, Arc<Peer>>);

/// One peer.
pub(super) struct Peer {
    /// The peer's own permits, taken before the shared ones.
    pub(super) permits: Semaphore,
    /// Number of the peer's requests, waiting and running.
    pub(super) requests: AtomicUsize,
    recent: Mutex<RecentOutcomes>,
}

/// The reputation of a peer by its recent tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerReputation {
    /// One recent token was valid.
    Proven,
    /// There are too few tokens to tell.
    New,
    /// All recent tokens were bad.
    Suspect,
}

/// The recent outcomes; the lowest bit of `good` is the newest.
#[derive(Clone, Copy, Debug, Default)]
struct RecentOutcomes {
    good: u32,
    seen: u32,
}

impl Default for Peers {
    fn default() -> Self {
        Self(Cache::new(MAX_PEERS))
    }
}

impl Peers {
    /// Returns the peer at this address.
    pub(super) fn find_or_insert(&self, address: SocketAddr) -> Arc<Peer> {
        if let Some(peer) = self.0.get(&address) {
            return peer;
        }
        let peer = Arc::new(Peer {
            permits: Semaphore::new(MAX_CONCURRENT_REQUESTS),
            requests: AtomicUsize::new(0),
            recent: Mutex::default(),
        });
        self.0.insert(address, Arc::clone(&peer));
        peer
    }
}

impl Peer {
    /// Returns the reputation by the recent tokens.
    pub(super) fn reputation(&self) -> PeerReputation {
        let recent = *self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        match recent {
            RecentOutcomes { good: 1.., .. } => PeerReputation::Proven,
            RecentOutcomes { seen, .. } if seen >= MAX_BAD_TOKENS => PeerReputation::Suspect,
            RecentOutcomes { .. } => PeerReputation::New,
        }
    }

    /// Records the outcome of a token.
    pub(super) fn record(&self, is_good: bool) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        *recent =
            RecentOutcomes { good: recent.good << 1 | u32::from(is_good), seen: RECENT_TOKENS.min(recent.seen + 1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reputation_follows_the_recent_tokens() {
        let peers = Peers::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let peer = peers.find_or_insert(address);
        for _ in 0..MAX_BAD_TOKENS {
            assert_eq!(peer.reputation(), PeerReputation::New);
            peer.record(false);
        }
        assert_eq!(peer.reputation(), PeerReputation::Suspect);
        peers.find_or_insert(address).record(true);
        for _ in 0..RECENT_TOKENS {
            assert_eq!(peer.reputation(), PeerReputation::Proven);
            peer.record(false);
        }
        assert_eq!(peer.reputation(), PeerReputation::Suspect, "the valid token is no longer recent");
        assert_eq!(peers.find_or_insert(SocketAddr::from(([127, 0, 0, 1], 8))).reputation(), PeerReputation::New);
    }
}
