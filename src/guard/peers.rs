//! The peers of calls, and how their recent tokens have turned out.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

/// The number of peers that are remembered. Those that call least make room.
const MAX_PEERS: usize = 10_000;

/// The number of a peer's outcomes that count as recent.
const RECENT: u32 = 32;

/// The number of bad tokens, without a good one, after which a peer's questions yield.
const MAX_BAD: u32 = 4;

/// The most questions of one peer that are under way at once, until one of its tokens is good.
pub(super) const MAX_AT_ONCE: usize = 8;

/// All peers that have asked lately.
pub(super) struct Peers(Cache<SocketAddr, Arc<Peer>>);

/// One peer.
pub(super) struct Peer {
    /// The peer's own turns, before those that all peers share.
    pub(super) turns: Semaphore,
    /// The number of the peer's questions that wait or are under way.
    pub(super) questions: AtomicUsize,
    recent: Mutex<Recent>,
}

/// A peer's standing by its recent tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// One of them was good.
    Proven,
    /// There are too few of them.
    New,
    /// All of them were bad.
    Suspect,
}

/// The recent outcomes, the newest in the lowest bit of `good`.
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
    /// Returns the peer of this address.
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
    /// Returns what the peer's recent tokens say.
    pub(super) fn standing(&self) -> Standing {
        let recent = *self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        match recent {
            Recent { good: 1.., .. } => Standing::Proven,
            Recent { seen, .. } if seen >= MAX_BAD => Standing::Suspect,
            Recent { .. } => Standing::New,
        }
    }

    /// Takes in how a token of the peer's has turned out.
    pub(super) fn note(&self, is_good: bool) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        *recent = Recent { good: recent.good << 1 | u32::from(is_good), seen: RECENT.min(recent.seen + 1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_stands_as_its_recent_tokens_say() {
        let peers = Peers::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let peer = peers.of(address);
        for _ in 0..MAX_BAD {
            assert_eq!(peer.standing(), Standing::New);
            peer.note(false);
        }
        assert_eq!(peer.standing(), Standing::Suspect);
        peers.of(address).note(true);
        for _ in 0..RECENT {
            assert_eq!(peer.standing(), Standing::Proven);
            peer.note(false);
        }
        assert_eq!(peer.standing(), Standing::Suspect, "the good one is long ago");
        assert_eq!(peers.of(SocketAddr::from(([127, 0, 0, 1], 8))).standing(), Standing::New);
    }
}
