//! Fair access to the auth service: requests about likely garbage yield to all others.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::peers::{Peer, PeerReputation, Peers};
use super::plausible::Chance;
use super::{Asker, InactiveReason, Introspection, TokenStatus, Unavailable};

/// Maximum concurrent requests of peers without a valid token. The channel to the auth service has 100 streams.
const MAX_NEW: usize = 40;

/// Maximum concurrent requests about likely garbage.
const MAX_SUSPECT: usize = 8;

/// Maximum requests of one peer, waiting and running.
const MAX_WAITING: usize = 128;

/// Minimum time for a request about likely garbage: a lookup of its key and one round trip.
const MIN_TIME: Duration = Duration::from_millis(150);

/// Limits of concurrent requests to the auth service.
///
/// - A peer with a valid token among its recent ones never waits here. Neither does an open call.
/// - Peers without a valid token share 40 concurrent requests, at most eight per peer.
/// - Peers with only bad recent tokens, and tokens with an unlisted key, share eight concurrent requests. So a flood of
///   garbage leaves nine tenths of the channel to others.
/// - A waiting request counts for no circuit breaker: it has not been sent.
pub(super) struct Fairness {
    peers: Peers,
    new: Semaphore,
    suspect: Semaphore,
}

/// A permit that peers share.
enum Turn<'a> {
    New(SemaphorePermit<'a>),
    Suspect(SemaphorePermit<'a>),
    /// No permit: the peer has sent a valid token since.
    Free,
}

/// A peer's request, waiting or running. Dropping it releases its slot.
struct Place<'a>(&'a Peer);

impl Default for Fairness {
    fn default() -> Self {
        let (new, suspect) = (Semaphore::new(MAX_NEW), Semaphore::new(MAX_SUSPECT));
        Self { peers: Peers::default(), new, suspect }
    }
}

impl Fairness {
    /// Sends the request when a slot is free, and records the outcome for the peer.
    ///
    /// # Errors
    /// Fails as the request does, and at once if too many requests of the peer wait already.
    pub(super) async fn ask<F>(
        &self,
        asker: Asker,
        chance: Chance,
        deadline: Instant,
        question: impl FnOnce(Asker) -> F,
    ) -> Result<Introspection, Unavailable>
    where
        F: Future<Output = Result<Introspection, Unavailable>>,
    {
        match asker {
            Asker::Call(Some(address)) => self.ask_for(address, chance, deadline, question).await,
            _ if chance == Chance::Slim => {
                let _turn = turn(&self.suspect).await?;
                doubt(deadline, question).await
            }
            _ => question(asker).await,
        }
    }

    async fn ask_for<F>(
        &self,
        address: SocketAddr,
        chance: Chance,
        deadline: Instant,
        question: impl FnOnce(Asker) -> F,
    ) -> Result<Introspection, Unavailable>
    where
        F: Future<Output = Result<Introspection, Unavailable>>,
    {
        let (peer, asker) = (self.peers.of(address), Asker::Call(Some(address)));
        let answer = if chance == Chance::Fair && peer.reputation() == PeerReputation::Proven {
            question(asker).await
        } else {
            let _place = Place::of(&peer)?;
            let _own = turn(&peer.turns).await?;
            match self.shared(&peer, chance).await? {
                Turn::Suspect(_turn) => doubt(deadline, question).await,
                Turn::New(_turn) => question(asker).await,
                Turn::Free => question(asker).await,
            }
        };
        match answer.as_ref().map(|introspection| &introspection.status) {
            Ok(TokenStatus::Active(_)) => peer.note(true),
            Ok(TokenStatus::Inactive(InactiveReason::Invalid)) => peer.note(false),
            // An expired or revoked token says nothing about the peer's next token.
            Ok(TokenStatus::Inactive(_)) | Err(_) => {}
        }
        answer
    }

    /// Waits for a shared permit, then checks the peer's reputation again: other tokens may have changed it.
    async fn shared(&self, peer: &Peer, chance: Chance) -> Result<Turn<'_>, Unavailable> {
        let reputation = || if chance == Chance::Slim { PeerReputation::Suspect } else { peer.reputation() };
        if reputation() == PeerReputation::New {
            let turn = turn(&self.new).await?;
            if reputation() == PeerReputation::New {
                return Ok(Turn::New(turn));
            }
        }
        match reputation() {
            PeerReputation::Proven => Ok(Turn::Free),
            PeerReputation::New | PeerReputation::Suspect => turn(&self.suspect).await.map(Turn::Suspect),
        }
    }
}

/// Asks about likely garbage. Fails at once if too little time is left: an abandoned request costs the auth service as much
/// as a complete one.
async fn doubt<F>(deadline: Instant, question: impl FnOnce(Asker) -> F) -> Result<Introspection, Unavailable>
where
    F: Future<Output = Result<Introspection, Unavailable>>,
{
    if deadline.saturating_duration_since(Instant::now()) < MIN_TIME {
        return Err(Unavailable::Away);
    }
    question(Asker::Doubtful).await
}

async fn turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, Unavailable> {
    // The semaphores are never closed.
    turns.acquire().await.map_err(|_| Unavailable::Away)
}

impl<'a> Place<'a> {
    fn of(peer: &'a Peer) -> Result<Self, Unavailable> {
        let place = Self(peer);
        let before = peer.questions.fetch_add(1, Relaxed);
        if before < MAX_WAITING { Ok(place) } else { Err(Unavailable::Away) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.questions.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use tokio::task::{JoinSet, yield_now};

    use super::super::peers::MAX_AT_ONCE;
    use super::super::scripted::ada;
    use super::*;

    const STREAMS: usize = 100;

    /// A mock auth service that answers on demand and counts running requests.
    struct World {
        fairness: Fairness,
        answers: Semaphore,
        under_way: AtomicUsize,
    }

    fn caller(number: u16) -> Asker {
        Asker::Call(Some(SocketAddr::from(([127, 0, 0, 1], number))))
    }

    impl World {
        fn new() -> Arc<Self> {
            let (fairness, answers) = (Fairness::default(), Semaphore::new(0));
            Arc::new(Self { fairness, answers, under_way: AtomicUsize::new(0) })
        }

        async fn ask(
            self: Arc<Self>,
            asker: Asker,
            chance: Chance,
            introspection: Introspection,
        ) -> Result<Introspection, Unavailable> {
            let question = async {
                self.under_way.fetch_add(1, Relaxed);
                let answer = self.answers.acquire().await.map_err(|_| Unavailable::Away)?;
                self.under_way.fetch_sub(1, Relaxed);
                answer.forget();
                Ok(introspection)
            };
            let deadline = Instant::now() + Duration::from_mins(1);
            self.fairness.ask(asker, chance, deadline, |_| question).await
        }

        /// Starts `tokens` calls from each of `peers` peers, and waits until all possible requests are sent.
        async fn flood(
            self: &Arc<Self>,
            peers: u16,
            tokens: usize,
            chance: Chance,
        ) -> JoinSet<Result<Introspection, Unavailable>> {
            let mut calls = JoinSet::new();
            for peer in 0..peers {
                for _ in 0..tokens {
                    let bad = Introspection::inactive(InactiveReason::Invalid);
                    calls.spawn(Arc::clone(self).ask(caller(peer), chance, bad));
                }
            }
            settle().await;
            calls
        }

        fn under_way(&self) -> usize {
            self.under_way.load(Relaxed)
        }
    }

    async fn settle() {
        for _ in 0..10_000 {
            yield_now().await;
        }
    }

    fn good() -> Introspection {
        Introspection::active(ada())
    }

    #[tokio::test]
    async fn unlisted_keys_leave_the_channel_to_others() {
        let world = World::new();
        let flood = world.flood(12, STREAMS, Chance::Slim).await;
        assert_eq!(world.under_way(), MAX_SUSPECT, "of {}", flood.len());
        let mut calls = JoinSet::new();
        for peer in 100..200 {
            calls.spawn(Arc::clone(&world).ask(caller(peer), Chance::Fair, good()));
        }
        settle().await;
        assert_eq!(world.under_way(), MAX_SUSPECT + MAX_NEW, "new peers do not wait for suspect tokens");
    }

    #[tokio::test]
    async fn peers_yield_after_four_bad_tokens() {
        let world = World::new();
        let mut flood = world.flood(12, STREAMS, Chance::Fair).await;
        assert_eq!(world.under_way(), MAX_NEW);
        world.answers.add_permits(12 * STREAMS / 2);
        settle().await;
        assert_eq!(world.under_way(), MAX_SUSPECT);
        let fresh = tokio::spawn(Arc::clone(&world).ask(caller(100), Chance::Fair, good()));
        settle().await;
        assert_eq!(world.under_way(), MAX_SUSPECT + 1, "a new peer does not wait for suspect peers");
        world.answers.add_permits(12 * STREAMS);
        assert!(fresh.await.unwrap().is_ok());
        while let Some(call) = flood.join_next().await {
            assert!(call.unwrap().is_ok(), "garbage is verified in its turn");
        }
    }

    #[tokio::test]
    async fn proven_peer_and_open_calls_never_wait() {
        let world = World::new();
        world.answers.add_permits(1);
        assert!(Arc::clone(&world).ask(caller(100), Chance::Fair, good()).await.is_ok());
        let _flood = world.flood(12, STREAMS, Chance::Fair).await;
        let before = world.under_way();
        let mut calls = JoinSet::new();
        for asker in [caller(100), Asker::Open, Asker::Call(None)].into_iter().cycle().take(60) {
            calls.spawn(Arc::clone(&world).ask(asker, Chance::Fair, good()));
        }
        settle().await;
        assert_eq!(world.under_way(), before + 60);
    }

    #[tokio::test(start_paused = true)]
    async fn likely_garbage_needs_150_ms() {
        let fairness = Fairness::default();
        for (millis, is_asked) in [(500, true), (150, true), (149, false), (0, false)] {
            let (asked, deadline) = (AtomicUsize::new(0), Instant::now() + Duration::from_millis(millis));
            let question = |_| async {
                asked.fetch_add(1, Relaxed);
                Ok(Introspection::inactive(InactiveReason::Invalid))
            };
            let answer = fairness.ask(caller(1), Chance::Slim, deadline, question).await;
            assert_eq!((answer.is_ok(), asked.load(Relaxed) == 1), (is_asked, is_asked), "{millis}");
        }
    }

    #[tokio::test]
    async fn one_peer_gets_only_its_share() {
        let world = World::new();
        let mut flood = world.flood(1, 2 * MAX_WAITING, Chance::Fair).await;
        assert_eq!(world.under_way(), MAX_AT_ONCE);
        let mut refused = 0;
        while let Some(call) = flood.try_join_next() {
            refused += usize::from(call.unwrap().is_err());
        }
        assert_eq!(refused, MAX_WAITING, "waiting requests are bounded");
        flood.abort_all();
        while flood.join_next().await.is_some() {}
        world.answers.add_permits(1);
        assert!(world.ask(caller(0), Chance::Fair, good()).await.is_ok(), "cancelled calls release their slots");
    }
}
