//! Fair access to the auth service: requests about likely garbage yield to all others.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::peers::{Peer, PeerReputation, Peers};
use super::plausibility::Plausibility;
use super::{InactiveReason, Introspection, TokenStatus, TrafficClass, Unavailable};

/// Maximum concurrent requests of peers with too few recent tokens to judge. The channel to the auth service has 100 streams.
const MAX_NEW_PEER_REQUESTS: usize = 40;

/// Maximum concurrent requests about likely garbage.
const MAX_SUSPECT_REQUESTS: usize = 8;

/// Maximum number of requests of one peer, waiting and running.
const MAX_REQUESTS_PER_PEER: usize = 128;

/// Minimum time for a request about likely garbage: a lookup of its key and one round trip.
const MIN_TIME_LEFT: Duration = Duration::from_millis(150);

/// Limits of concurrent requests to the auth service.
///
/// - A peer with a valid token among its recent ones never waits here. Neither does an open call.
/// - Peers with too few recent tokens to judge share 40 concurrent requests, at most eight per peer.
/// - Peers with only bad recent tokens, and doubtful tokens, share eight concurrent requests. So a flood of
///   garbage leaves nine tenths of the channel to others.
/// - A waiting request counts for no circuit breaker: it has not been sent.
pub(super) struct Fairness {
    peers: Peers,
    new: Semaphore,
    suspect: Semaphore,
}

/// A permit that peers share.
enum FairnessTurn<'a> {
    New(SemaphorePermit<'a>),
    Suspect(SemaphorePermit<'a>),
    /// No permit: the peer became proven while the request waited.
    Free,
}

/// A peer's request, waiting or running. Dropping it releases its slot.
struct PeerSlot<'a>(&'a Peer);

impl Default for Fairness {
    fn default() -> Self {
        let (new, suspect) = (Semaphore::new(MAX_NEW_PEER_REQUESTS), Semaphore::new(MAX_SUSPECT_REQUESTS));
        Self { peers: Peers::default(), new, suspect }
    }
}

impl Fairness {
    /// Sends the request when a slot is free, and records the outcome for the peer.
    ///
    /// # Errors
    /// Fails if the request fails, and at once if the peer has too many requests or the time left is too short.
    pub(super) async fn send<F>(
        &self,
        class: TrafficClass,
        plausibility: Plausibility,
        deadline: Instant,
        request: impl FnOnce(TrafficClass) -> F,
    ) -> Result<Introspection, Unavailable>
    where
        F: Future<Output = Result<Introspection, Unavailable>>,
    {
        match class {
            TrafficClass::NewCall(Some(address)) => self.send_for_peer(address, plausibility, deadline, request).await,
            _ if plausibility == Plausibility::Doubtful => {
                let _turn = acquire(&self.suspect).await?;
                send_doubtful(deadline, request).await
            }
            _ => request(class).await,
        }
    }

    async fn send_for_peer<F>(
        &self,
        address: SocketAddr,
        plausibility: Plausibility,
        deadline: Instant,
        request: impl FnOnce(TrafficClass) -> F,
    ) -> Result<Introspection, Unavailable>
    where
        F: Future<Output = Result<Introspection, Unavailable>>,
    {
        let (peer, class) = (self.peers.find_or_insert(address), TrafficClass::NewCall(Some(address)));
        let answer = if plausibility == Plausibility::Plausible && peer.reputation() == PeerReputation::Proven {
            request(class).await
        } else {
            let _slot = PeerSlot::take(&peer)?;
            let _own = acquire(&peer.permits).await?;
            match self.shared(&peer, plausibility).await? {
                FairnessTurn::Suspect(_turn) => send_doubtful(deadline, request).await,
                FairnessTurn::New(_turn) => request(class).await,
                FairnessTurn::Free => request(class).await,
            }
        };
        match answer.as_ref().map(|introspection| &introspection.status) {
            Ok(TokenStatus::Active(_)) => peer.record(true),
            Ok(TokenStatus::Inactive(InactiveReason::Invalid)) => peer.record(false),
            // An expired or revoked token says nothing about the peer's next token.
            Ok(TokenStatus::Inactive(_)) | Err(_) => {}
        }
        answer
    }

    /// Waits for a shared permit, then checks the peer's reputation again: other tokens may have changed it.
    async fn shared(&self, peer: &Peer, plausibility: Plausibility) -> Result<FairnessTurn<'_>, Unavailable> {
        let reputation =
            || if plausibility == Plausibility::Doubtful { PeerReputation::Suspect } else { peer.reputation() };
        if reputation() == PeerReputation::New {
            let turn = acquire(&self.new).await?;
            if reputation() == PeerReputation::New {
                return Ok(FairnessTurn::New(turn));
            }
        }
        match reputation() {
            PeerReputation::Proven => Ok(FairnessTurn::Free),
            PeerReputation::New | PeerReputation::Suspect => acquire(&self.suspect).await.map(FairnessTurn::Suspect),
        }
    }
}

/// Sends a request about likely garbage. Fails at once if too little time is left: an abandoned request costs the auth
/// service as much as a complete one.
async fn send_doubtful<F>(
    deadline: Instant,
    request: impl FnOnce(TrafficClass) -> F,
) -> Result<Introspection, Unavailable>
where
    F: Future<Output = Result<Introspection, Unavailable>>,
{
    if deadline.saturating_duration_since(Instant::now()) < MIN_TIME_LEFT {
        return Err(Unavailable::Away);
    }
    request(TrafficClass::Doubtful).await
}

async fn acquire(permits: &Semaphore) -> Result<SemaphorePermit<'_>, Unavailable> {
    // The semaphores are never closed.
    permits.acquire().await.map_err(|_| Unavailable::Away)
}

impl<'a> PeerSlot<'a> {
    fn take(peer: &'a Peer) -> Result<Self, Unavailable> {
        let slot = Self(peer);
        let before = peer.requests.fetch_add(1, Relaxed);
        if before < MAX_REQUESTS_PER_PEER { Ok(slot) } else { Err(Unavailable::Away) }
    }
}

impl Drop for PeerSlot<'_> {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use tokio::task::{JoinSet, yield_now};

    use super::super::peers::MAX_CONCURRENT_REQUESTS;
    use super::super::scripted::ada;
    use super::*;

    const STREAMS_PER_PEER: usize = 100;

    /// A mock auth service that answers on demand and counts running requests.
    struct FairnessTest {
        fairness: Fairness,
        answers: Semaphore,
        under_way: AtomicUsize,
    }

    fn caller(number: u16) -> TrafficClass {
        TrafficClass::NewCall(Some(SocketAddr::from(([127, 0, 0, 1], number))))
    }

    impl FairnessTest {
        fn new() -> Arc<Self> {
            let (fairness, answers) = (Fairness::default(), Semaphore::new(0));
            Arc::new(Self { fairness, answers, under_way: AtomicUsize::new(0) })
        }

        async fn send(
            self: Arc<Self>,
            class: TrafficClass,
            plausibility: Plausibility,
            introspection: Introspection,
        ) -> Result<Introspection, Unavailable> {
            let request = async {
                self.under_way.fetch_add(1, Relaxed);
                let answer = self.answers.acquire().await.map_err(|_| Unavailable::Away)?;
                self.under_way.fetch_sub(1, Relaxed);
                answer.forget();
                Ok(introspection)
            };
            let deadline = Instant::now() + Duration::from_mins(1);
            self.fairness.send(class, plausibility, deadline, |_| request).await
        }

        /// Starts `tokens` calls from each of `peers` peers, and waits until all possible requests are sent.
        async fn flood(
            self: &Arc<Self>,
            peers: u16,
            tokens: usize,
            plausibility: Plausibility,
        ) -> JoinSet<Result<Introspection, Unavailable>> {
            let mut calls = JoinSet::new();
            for peer in 0..peers {
                for _ in 0..tokens {
                    let bad = Introspection::inactive(InactiveReason::Invalid);
                    calls.spawn(Arc::clone(self).send(caller(peer), plausibility, bad));
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
        let test = FairnessTest::new();
        let flood = test.flood(12, STREAMS_PER_PEER, Plausibility::Doubtful).await;
        assert_eq!(test.under_way(), MAX_SUSPECT_REQUESTS, "of {}", flood.len());
        let mut calls = JoinSet::new();
        for peer in 100..200 {
            calls.spawn(Arc::clone(&test).send(caller(peer), Plausibility::Plausible, good()));
        }
        settle().await;
        assert_eq!(
            test.under_way(),
            MAX_SUSPECT_REQUESTS + MAX_NEW_PEER_REQUESTS,
            "new peers do not wait for suspect tokens"
        );
    }

    #[tokio::test]
    async fn peers_yield_after_four_bad_tokens() {
        let test = FairnessTest::new();
        let mut flood = test.flood(12, STREAMS_PER_PEER, Plausibility::Plausible).await;
        assert_eq!(test.under_way(), MAX_NEW_PEER_REQUESTS);
        test.answers.add_permits(12 * STREAMS_PER_PEER / 2);
        settle().await;
        assert_eq!(test.under_way(), MAX_SUSPECT_REQUESTS);
        let fresh = tokio::spawn(Arc::clone(&test).send(caller(100), Plausibility::Plausible, good()));
        settle().await;
        assert_eq!(test.under_way(), MAX_SUSPECT_REQUESTS + 1, "a new peer does not wait for suspect peers");
        test.answers.add_permits(12 * STREAMS_PER_PEER);
        assert!(fresh.await.unwrap().is_ok());
        while let Some(call) = flood.join_next().await {
            assert!(call.unwrap().is_ok(), "garbage is verified in its turn");
        }
    }

    #[tokio::test]
    async fn proven_peer_and_open_calls_never_wait() {
        let test = FairnessTest::new();
        test.answers.add_permits(1);
        assert!(Arc::clone(&test).send(caller(100), Plausibility::Plausible, good()).await.is_ok());
        let _flood = test.flood(12, STREAMS_PER_PEER, Plausibility::Plausible).await;
        let before = test.under_way();
        let mut calls = JoinSet::new();
        for class in [caller(100), TrafficClass::OpenCall, TrafficClass::NewCall(None)].into_iter().cycle().take(60) {
            calls.spawn(Arc::clone(&test).send(class, Plausibility::Plausible, good()));
        }
        settle().await;
        assert_eq!(test.under_way(), before + 60);
    }

    #[tokio::test(start_paused = true)]
    async fn likely_garbage_needs_150_ms() {
        let fairness = Fairness::default();
        for (millis, is_asked) in [(500, true), (150, true), (149, false), (0, false)] {
            let (asked, deadline) = (AtomicUsize::new(0), Instant::now() + Duration::from_millis(millis));
            let request = |_| async {
                asked.fetch_add(1, Relaxed);
                Ok(Introspection::inactive(InactiveReason::Invalid))
            };
            let answer = fairness.send(caller(1), Plausibility::Doubtful, deadline, request).await;
            assert_eq!((answer.is_ok(), asked.load(Relaxed) == 1), (is_asked, is_asked), "{millis}");
        }
    }

    #[tokio::test]
    async fn one_peer_gets_only_its_share() {
        let test = FairnessTest::new();
        let mut flood = test.flood(1, 2 * MAX_REQUESTS_PER_PEER, Plausibility::Plausible).await;
        assert_eq!(test.under_way(), MAX_CONCURRENT_REQUESTS);
        let mut refused = 0;
        while let Some(call) = flood.try_join_next() {
            refused += usize::from(call.unwrap().is_err());
        }
        assert_eq!(refused, MAX_REQUESTS_PER_PEER, "waiting requests are bounded");
        flood.abort_all();
        while flood.join_next().await.is_some() {}
        test.answers.add_permits(1);
        assert!(
            test.send(caller(0), Plausibility::Plausible, good()).await.is_ok(),
            "cancelled calls release their slots"
        );
    }
}
