//! The cache of verdicts. The guard asks the auth service once per token.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::fairness::Fairness;
use super::knowledge::Knowledge;
use super::layers::SingleFlight;
use super::plausible::Chance;
use super::{Asker, Denial, Digest, Token, Unavailable, Verdict, Verify, Worth};
use crate::ledger::{Cause, Standing};
use crate::metrics::Counters;

/// Default number of kept positive verdicts.
pub(super) const MAX_VERDICTS: usize = 100_000;

/// Average size of a verdict in bytes. The cache's limit in bytes uses it.
const BYTES: usize = 500;

/// Default number of kept negative verdicts. They have a cache of their own: a flood of garbage evicts no valid token.
pub(super) const MAX_REFUSALS: usize = 10_000;

/// Maximum requests of one call, if each answer is outdated when it arrives.
const ATTEMPTS: usize = 3;

/// A decorator that keeps verdicts while they are known to be true.
///
/// - A verdict is kept under its token's SHA-256. Each use judges it by the revocation state ([`crate::ledger`]), on
///   evidence that is at most 1 s old. A dead verdict is a refusal. A stale one causes a new request.
/// - Callers with equal tokens share one flight to the inner verifier. A flight keeps its verdict before it ends, and looks
///   for a kept one before it asks. So a caller that misses a flight does not ask again.
/// - The cache holds up to 100,000 positive verdicts of 500 bytes, and 10,000 negative ones for 1 s each. The least used
///   ones are evicted.
/// - Clear garbage is refused without a request ([`Chance`]). Likely garbage waits for a free slot ([`Fairness`]).
/// - Nothing is kept before the feed starts or after it is lost.
pub(crate) struct Verdicts<V> {
    kept: Arc<Kept>,
    flights: SingleFlight<Asking<V>>,
}

/// The kept verdicts and the state that judges them.
struct Kept {
    knowledge: Arc<Knowledge>,
    good: Cache<Digest, Verdict, Weight>,
    refused: Cache<Digest, Verdict>,
}

/// A verdict that is valid now, and the age of its evidence.
struct Usable(Verdict, Duration);

/// The verifier behind the flights.
struct Asking<V> {
    inner: V,
    kept: Arc<Kept>,
    fairness: Fairness,
}

/// The approximate size of a verdict in memory. Small verdicts count as average ones, which limits their number.
#[derive(Clone)]
struct Weight;

impl Weighter<Digest, Verdict> for Weight {
    fn weight(&self, _: &Digest, verdict: &Verdict) -> u64 {
        let texts = match &verdict.worth {
            Worth::Valid(identity) => {
                let roles: usize = identity.roles.iter().map(|role| role.len() + size_of::<String>()).sum();
                let audiences: usize = identity.audiences.iter().map(|text| text.len() + size_of::<String>()).sum();
                let session = identity.session.as_ref().map_or(0, String::len);
                size_of_val(&**identity) + identity.subject.len() + session + audiences + roles
            }
            Worth::Denied(_) => 0,
        };
        let grounds = verdict.grounds.as_ref().map_or(0, |grounds| size_of_val(&**grounds) + grounds.key.len());
        u64::try_from((texts + grounds).max(BYTES)).unwrap_or(u64::MAX)
    }
}

impl<V: Verify> Verdicts<V> {
    /// Creates a cache of the default size.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(inner: V, limit: Duration, knowledge: Arc<Knowledge>) -> Self {
        Self::with_room(inner, limit, knowledge, MAX_VERDICTS, MAX_REFUSALS)
    }

    /// Creates a cache around `inner` with room for these numbers of positive and negative verdicts. A flight to `inner`
    /// lasts at most `limit`.
    pub(super) fn with_room(
        inner: V,
        limit: Duration,
        knowledge: Arc<Knowledge>,
        verdicts: usize,
        refusals: usize,
    ) -> Self {
        let bytes = u64::try_from(verdicts.saturating_mul(BYTES)).unwrap_or(u64::MAX);
        let (good, refused) = (Cache::with_weighter(verdicts, bytes, Weight), Cache::new(refusals));
        let kept = Arc::new(Kept { knowledge, good, refused });
        let (metrics, uptime) = (kept.knowledge.metrics().clone(), kept.knowledge.uptime().clone());
        let asking = Asking { inner, kept: Arc::clone(&kept), fairness: Fairness::default() };
        Self { flights: SingleFlight::counting(asking, limit, metrics, uptime), kept }
    }
}

impl Kept {
    /// Returns the kept verdict if it is valid now.
    fn find(&self, digest: &Digest) -> Option<Usable> {
        // A token that was valid once may have a newer refusal.
        let good = self.good.get(digest).and_then(|kept| self.judge(kept));
        good.or_else(|| self.refused.get(digest).and_then(|kept| self.judge(kept)))
    }

    /// Judges the verdict now; `None` if the token needs a new request.
    fn judge(&self, verdict: Verdict) -> Option<Usable> {
        let grounds = verdict.grounds.as_ref()?;
        let (standing, age) = self.knowledge.judge(&verdict, grounds);
        match standing {
            Standing::Good => Some(Usable(verdict, age)),
            Standing::Dead(cause) => Some(Usable(Verdict::denied(denial(cause)), age)),
            Standing::Stale => None,
        }
    }

    /// Records the age of the evidence, and returns the verdict.
    fn used(&self, Usable(verdict, age): Usable) -> Verdict {
        if matches!(verdict.worth, Worth::Valid(_)) {
            self.counters().evidence_age.record(age);
        }
        verdict
    }

    /// Estimates the token's chance by its form and the listed keys.
    fn chance(&self, token: &Token) -> Chance {
        self.knowledge.with_key_names(|names| Chance::of(token.expose(), names))
    }

    /// Refuses a token by its form alone. The verdict is not kept.
    fn give_up(&self) -> Verdict {
        self.counters().given_up.one();
        Verdict::denied(Denial::Invalid)
    }

    fn counters(&self) -> &Counters {
        self.knowledge.metrics().counters()
    }

    fn keep(&self, digest: Digest, verdict: &Verdict) {
        if self.judge(verdict.clone()).is_none() || self.knowledge.read(|ledger, _| ledger.position().is_none()) {
            return;
        }
        match verdict.worth {
            Worth::Valid(_) => self.good.insert(digest, verdict.clone()),
            Worth::Denied(_) => self.refused.insert(digest, verdict.clone()),
        }
    }
}

impl<V: Verify> Verify for Asking<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Verdict, Unavailable> {
        self.verify_for(token, Asker::Call(None), deadline).await
    }

    async fn verify_for(&self, token: &Token, asker: Asker, deadline: Instant) -> Result<Verdict, Unavailable> {
        let digest = token.digest();
        // A flight may have landed after its caller looked.
        if let Some(Usable(verdict, _)) = self.kept.find(&digest) {
            return Ok(verdict);
        }
        // A token that was valid before does not wait for a slot.
        let is_known = self.kept.good.get(&digest).is_some();
        let (asker, chance) = match self.kept.chance(token) {
            _ if is_known => (Asker::Open, Chance::Fair),
            Chance::None => return Ok(self.kept.give_up()),
            chance => (asker, chance),
        };
        let verdict =
            self.fairness.ask(asker, chance, deadline, |asker| self.inner.verify_for(token, asker, deadline)).await?;
        self.kept.keep(digest, &verdict);
        Ok(verdict)
    }
}

impl<V: Verify> Verify for Verdicts<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Verdict, Unavailable> {
        self.verify_for(token, Asker::Call(None), deadline).await
    }

    async fn verify_for(&self, token: &Token, asker: Asker, deadline: Instant) -> Result<Verdict, Unavailable> {
        if let Some(usable) = self.kept.find(&token.digest()) {
            self.kept.counters().hits.one();
            return Ok(self.kept.used(usable));
        }
        self.kept.counters().misses.one();
        // Boxed, so that a call with a known token reserves no memory for the request.
        Box::pin(self.ask(token, asker, deadline)).await
    }
}

impl<V: Verify> Verdicts<V> {
    /// Asks until an answer is valid on arrival.
    async fn ask(&self, token: &Token, asker: Asker, deadline: Instant) -> Result<Verdict, Unavailable> {
        for _ in 0..ATTEMPTS {
            let verdict = self.flights.verify_for(token, asker, deadline).await?;
            if verdict.grounds.is_none() {
                // Such a verdict holds only now.
                return Ok(verdict);
            }
            if let Some(usable) = self.kept.judge(verdict) {
                return Ok(self.kept.used(usable));
            }
        }
        Err(Unavailable::Away)
    }
}

fn denial(cause: Cause) -> Denial {
    match cause {
        Cause::Revoked => Denial::Revoked,
        Cause::Disabled => Denial::UserDisabled,
        Cause::Deleted => Denial::UserDeleted,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::Grounds;
    use super::super::scripted::{ada, token};
    use super::*;
    use crate::Uptime;
    use crate::ledger::{Basis, Logged, Position};

    const PLACE: Position = Position { log: [1; 16], last: Logged { revision: 1, mark: [2; 16] } };

    /// A verifier that counts requests. It refuses tokens that begin with `x`, at a log position that the feed knows.
    struct Judge(AtomicUsize, Uptime);

    impl Verify for Judge {
        async fn verify(&self, token: &Token, _: Instant) -> Result<Verdict, Unavailable> {
            self.0.fetch_add(1, Ordering::SeqCst);
            assert!(token.has_digest(), "a call hashes its token once, before sharing it");
            let is_garbage = token.expose().starts_with('x');
            let verdict = if is_garbage { Verdict::denied(Denial::Invalid) } else { Verdict::valid(ada()) };
            let basis = Basis { position: PLACE, asked: self.1.now(), ttl: Duration::from_mins(5) };
            Ok(verdict.on(Grounds { basis, generation: 0, key: "".into() }))
        }
    }

    struct World {
        uptime: Uptime,
        judge: Arc<Judge>,
        verdicts: Verdicts<Arc<Judge>>,
    }

    impl World {
        fn new() -> Self {
            let uptime = Uptime::manual();
            let knowledge = Arc::new(Knowledge::new(uptime.clone()));
            knowledge.write(|ledger, now| ledger.reset(PLACE, now));
            uptime.advance(Duration::from_millis(1));
            let judge = Arc::new(Judge(AtomicUsize::new(0), uptime.clone()));
            let verdicts = Verdicts::new(Arc::clone(&judge), Duration::from_millis(500), knowledge);
            Self { uptime, judge, verdicts }
        }

        async fn ask(&self, token: &Token) -> Verdict {
            self.verdicts.verify(token, Instant::now() + Duration::from_mins(1)).await.unwrap()
        }

        fn asked(&self) -> usize {
            self.judge.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn caller_after_a_flight_finds_its_verdict() {
        let world = World::new();
        assert!(matches!(world.ask(&token()).await.worth, Worth::Valid(_)));
        // A caller that looked before the verdict was kept, and boards after the flight landed.
        let (flights, later) = (&world.verdicts.flights, Instant::now() + Duration::from_mins(1));
        assert!(matches!(flights.verify(&token(), later).await.unwrap().worth, Worth::Valid(_)));
        assert_eq!(world.asked(), 1);
        world.uptime.advance(Duration::from_millis(1001));
        assert!(flights.verify(&token(), later).await.is_ok());
        assert_eq!(world.asked(), 2, "a stale verdict causes a new request");
    }

    #[tokio::test]
    async fn token_that_expired_is_asked_about_once() {
        let world = World::new();
        world.ask(&token()).await;
        world.uptime.advance(Duration::from_millis(1001));
        let basis = Basis { position: PLACE, asked: world.uptime.now(), ttl: Duration::ZERO };
        let refusal = Verdict::denied(Denial::Expired).on(Grounds { basis, generation: 0, key: "".into() });
        world.verdicts.kept.keep(token().digest(), &refusal);
        assert!(matches!(world.ask(&token()).await.worth, Worth::Denied(Denial::Expired)));
        assert_eq!(world.asked(), 1);
    }

    #[tokio::test]
    async fn flood_of_garbage_evicts_no_valid_token() {
        let world = World::new();
        world.ask(&token()).await;
        for number in 0..2 * MAX_REFUSALS {
            let garbage = Token::parse(&format!("x{number}")).unwrap();
            assert!(matches!(world.ask(&garbage).await.worth, Worth::Denied(Denial::Invalid)));
        }
        assert!(world.verdicts.kept.refused.len() <= MAX_REFUSALS);
        let before = world.asked();
        assert!(matches!(world.ask(&token()).await.worth, Worth::Valid(_)));
        assert_eq!(world.asked(), before);
    }

    #[tokio::test]
    async fn cache_is_limited_in_number_and_bytes() {
        let world = World::new();
        let Verdict { grounds, .. } = world.ask(&token()).await;
        let keep = |numbers: std::ops::Range<usize>, roles: usize| {
            let identity = ada().roles(vec!["r".repeat(100); roles]);
            for number in numbers {
                let verdict = Verdict { grounds: grounds.clone(), ..Verdict::valid(identity.clone()) };
                world.verdicts.kept.keep(Token::parse(&number.to_string()).unwrap().digest(), &verdict);
            }
        };
        let good = &world.verdicts.kept.good;
        keep(0..MAX_VERDICTS + 1000, 0);
        assert!((MAX_VERDICTS / 2..=MAX_VERDICTS).contains(&good.len()), "{}", good.len());
        // Each of these is larger than ten average ones.
        keep(MAX_VERDICTS + 1000..MAX_VERDICTS + 21_000, 50);
        assert!(good.len() < MAX_VERDICTS, "{}", good.len());
        assert!(good.weight() <= u64::try_from(MAX_VERDICTS * BYTES).unwrap());
    }
}
