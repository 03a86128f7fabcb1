//! Peers and the outcomes of their recent tokens.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

/// Maximum number of remembered peers. The least active ones are evicted.
const MAX_PEERS: usize = 10_000;

/// Number of outcomes per peer that count as recent.
const RECENT: u32 = 32;

/// Number of bad tokens, without a valid one, after which a peer is suspect.
const MAX_BAD: u32 = 4;

/// Maximum concurrent requests of one peer until one of its tokens is valid.
pub(super) const MAX_AT_ONCE: usize = 8;

/// The recently active peers.
pub(super) struct Peers(Cache<SocketAddr, Arc<Peer>>);

/// One peer.
pub(super) struct Peer {
    /// The peer's own permits, taken before the shared ones.
    pub(super) turns: Semaphore,
    /// Number of the peer's requests, waiting and running.
    pub(super) questions: AtomicUsize,
    recent: Mutex<Recent>,
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
struct Recent {
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
    pub(super) fn of(&self, address: SocketAddr) -> Arc<Peer> {
        if let Some(peer) = self.0.get(&address) {
            return peer;
        }
        let peer = Arc::new(Peer {
            turns: Semaphore::new(MAX_AT_ONCE),
            questions: AtomicUsize::new(0),
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
            Recent { good: 1.., .. } => PeerReputation::Proven,
            Recent { seen, .. } if seen >= MAX_BAD => PeerReputation::Suspect,
            Recent { .. } => PeerReputation::New,
        }
    }

    /// Records the outcome of a token.
    pub(super) fn note(&self, is_good: bool) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        *recent = Recent { good: recent.good << 1 | u32::from(is_good), seen: RECENT.min(recent.seen + 1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standing_follows_the_recent_tokens() {
        let peers = Peers::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let peer = peers.of(address);
        for _ in 0..MAX_BAD {
            assert_eq!(peer.reputation(), PeerReputation::New);
            peer.note(false);
        }
        assert_eq!(peer.reputation(), PeerReputation::Suspect);
        peers.of(address).note(true);
        for _ in 0..RECENT {
            assert_eq!(peer.reputation(), PeerReputation::Proven);
            peer.note(false);
        }
        assert_eq!(peer.reputation(), PeerReputation::Suspect, "the valid token is no longer recent");
        assert_eq!(peers.of(SocketAddr::from(([127, 0, 0, 1], 8))).reputation(), PeerReputation::New);
    }
}
