//! The order in which questions go to the auth service: garbage yields to everything else.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::peers::{Peer, Peers, Standing};
use super::plausible::Chance;
use super::{Asker, Denial, Unavailable, Verdict, Worth};

/// The most questions of peers without a good token that are under way at once. The channel to the auth service has 100
/// streams.
const MAX_NEW: usize = 40;

/// The most questions about likely garbage that are under way at once.
const MAX_SUSPECT: usize = 8;

/// The most questions of one peer that wait or are under way.
const MAX_WAITING: usize = 128;

/// The least time that a question about likely garbage is given: a look for its key, and the way there and back.
const MIN_TIME: Duration = Duration::from_millis(150);

/// Shares the way to the auth service among those who ask.
///
/// - A peer with a good token among its recent ones never waits here, nor does an open call.
/// - Peers without one share 40 questions at once, eight for each peer.
/// - A peer whose recent tokens were all bad, and a token whose key is not listed, share eight questions at once. So a flood
///   of garbage leaves nine tenths of the channel to others.
/// - A question that waits counts against no breaker: nobody has been asked yet.
pub(super) struct Fairness {
    peers: Peers,
    new: Semaphore,
    suspect: Semaphore,
}

/// One of the turns that all peers share.
enum Turn<'a> {
    New(SemaphorePermit<'a>),
    Suspect(SemaphorePermit<'a>),
    /// The peer has proven itself meanwhile, and needs none.
    Free,
}

/// A place among a peer's questions, given up however the question ends.
struct Place<'a>(&'a Peer);

impl Default for Fairness {
    fn default() -> Self {
        let (new, suspect) = (Semaphore::new(MAX_NEW), Semaphore::new(MAX_SUSPECT));
        Self { peers: Peers::default(), new, suspect }
    }
}

impl Fairness {
    /// Asks when it is this question's turn, and takes in how the token has turned out.
    ///
    /// # Errors
    /// [`Unavailable`] of the question, and at once if too many of the peer's wait already.
    pub(super) async fn ask<F>(
        &self,
        asker: Asker,
        chance: Chance,
        deadline: Instant,
        question: impl FnOnce(Asker) -> F,
    ) -> Result<Verdict, Unavailable>
    where
        F: Future<Output = Result<Verdict, Unavailable>>,
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
    ) -> Result<Verdict, Unavailable>
    where
        F: Future<Output = Result<Verdict, Unavailable>>,
    {
        let (peer, asker) = (self.peers.of(address), Asker::Call(Some(address)));
        let answer = if chance == Chance::Fair && peer.standing() == Standing::Proven {
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
        match answer.as_ref().map(|verdict| &verdict.worth) {
            Ok(Worth::Valid(_)) => peer.note(true),
            Ok(Worth::Denied(Denial::Invalid)) => peer.note(false),
            // A token that was good once says nothing of the next one.
            Ok(Worth::Denied(_)) | Err(_) => {}
        }
        answer
    }

    /// Waits for one of the turns that all share. How the peer stands is looked at again when the turn comes: its other
    /// tokens may have been judged meanwhile.
    async fn shared(&self, peer: &Peer, chance: Chance) -> Result<Turn<'_>, Unavailable> {
        let standing = || if chance == Chance::Slim { Standing::Suspect } else { peer.standing() };
        if standing() == Standing::New {
            let turn = turn(&self.new).await?;
            if standing() == Standing::New {
                return Ok(Turn::New(turn));
            }
        }
        match standing() {
            Standing::Proven => Ok(Turn::Free),
            Standing::New | Standing::Suspect => turn(&self.suspect).await.map(Turn::Suspect),
        }
    }
}

/// Asks about likely garbage, unless too little time is left for an answer: a question that is given up costs the auth
/// service as much as another one.
async fn doubt<F>(deadline: Instant, question: impl FnOnce(Asker) -> F) -> Result<Verdict, Unavailable>
where
    F: Future<Output = Result<Verdict, Unavailable>>,
{
    if deadline.saturating_duration_since(Instant::now()) < MIN_TIME {
        return Err(Unavailable::Away);
    }
    question(Asker::Doubtful).await
}

async fn turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, Unavailable> {
    // No semaphore here is ever closed.
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

    /// An auth service that answers when it is told to, and counts the questions that are under way.
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

        async fn ask(self: Arc<Self>, asker: Asker, chance: Chance, verdict: Verdict) -> Result<Verdict, Unavailable> {
            let question = async {
                self.under_way.fetch_add(1, Relaxed);
                let answer = self.answers.acquire().await.map_err(|_| Unavailable::Away)?;
                self.under_way.fetch_sub(1, Relaxed);
                answer.forget();
                Ok(verdict)
            };
            let deadline = Instant::now() + Duration::from_mins(1);
            self.fairness.ask(asker, chance, deadline, |_| question).await
        }

        /// So many peers send so many tokens each, and all that can be asked has been.
        async fn flood(
            self: &Arc<Self>,
            peers: u16,
            tokens: usize,
            chance: Chance,
        ) -> JoinSet<Result<Verdict, Unavailable>> {
            let mut calls = JoinSet::new();
            for peer in 0..peers {
                for _ in 0..tokens {
                    let bad = Verdict::denied(Denial::Invalid);
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

    fn good() -> Verdict {
        Verdict::valid(ada())
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
        assert_eq!(world.under_way(), MAX_SUSPECT + MAX_NEW, "they need not wait for what waits");
    }

    #[tokio::test]
    async fn bad_peers_yield_once_four_tokens_are_bad() {
        let world = World::new();
        let mut flood = world.flood(12, STREAMS, Chance::Fair).await;
        assert_eq!(world.under_way(), MAX_NEW);
        world.answers.add_permits(12 * STREAMS / 2);
        settle().await;
        assert_eq!(world.under_way(), MAX_SUSPECT);
        let fresh = tokio::spawn(Arc::clone(&world).ask(caller(100), Chance::Fair, good()));
        settle().await;
        assert_eq!(world.under_way(), MAX_SUSPECT + 1, "a peer that is new does not wait for them");
        world.answers.add_permits(12 * STREAMS);
        assert!(fresh.await.unwrap().is_ok());
        while let Some(call) = flood.join_next().await {
            assert!(call.unwrap().is_ok(), "garbage is asked about, in its turn");
        }
    }

    #[tokio::test]
    async fn a_proven_peer_and_open_calls_never_wait() {
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
    async fn likely_garbage_is_not_asked_about_too_late() {
        let fairness = Fairness::default();
        for (millis, is_asked) in [(500, true), (150, true), (149, false), (0, false)] {
            let (asked, deadline) = (AtomicUsize::new(0), Instant::now() + Duration::from_millis(millis));
            let question = |_| async {
                asked.fetch_add(1, Relaxed);
                Ok(Verdict::denied(Denial::Invalid))
            };
            let answer = fairness.ask(caller(1), Chance::Slim, deadline, question).await;
            assert_eq!((answer.is_ok(), asked.load(Relaxed) == 1), (is_asked, is_asked), "{millis}");
        }
    }

    #[tokio::test]
    async fn one_peer_has_no_more_than_its_share() {
        let world = World::new();
        let mut flood = world.flood(1, 2 * MAX_WAITING, Chance::Fair).await;
        assert_eq!(world.under_way(), MAX_AT_ONCE);
        let mut refused = 0;
        while let Some(call) = flood.try_join_next() {
            refused += usize::from(call.unwrap().is_err());
        }
        assert_eq!(refused, MAX_WAITING, "what waits is bounded");
        flood.abort_all();
        while flood.join_next().await.is_some() {}
        world.answers.add_permits(1);
        assert!(world.ask(caller(0), Chance::Fair, good()).await.is_ok(), "callers that leave give up their places");
    }
}
