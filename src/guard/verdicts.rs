//! The verdicts that the guard keeps, so that it asks once for each token.

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

/// Verdicts that let in and are kept, unless the builder says otherwise.
pub(super) const MAX_VERDICTS: usize = 100_000;

/// Bytes of a verdict on average, at most.
const BYTES: usize = 500;

/// Refusals that are kept, unless the builder says otherwise: apart, so that a flood of garbage pushes out no good token.
pub(super) const MAX_REFUSALS: usize = 10_000;

/// How often a call asks at the most, when what it is told does not count any more by the time it is heard.
const ATTEMPTS: usize = 3;

/// A decorator that keeps the inner verifier's verdicts for as long as they are known to be true.
///
/// - A verdict is kept under its token's SHA-256, and judged at each use by what the feed of revocations has brought
///   ([`crate::ledger`]): never by evidence that is more than a second old. One that is dead is a refusal, one that
///   nobody vouches for is asked for again.
/// - Callers with equal tokens share a flight to the inner verifier, which keeps the verdict before it ends, and looks for
///   one before it asks: whoever found none and comes too late for the flight does not ask again.
/// - Up to 100,000 verdicts of 500 bytes are kept, and 10,000 refusals for a second each. What is used least makes room.
/// - A token whose form shows that it is garbage is refused without a question ([`Chance`]), and others that are likely
///   garbage wait for each other ([`Fairness`]). Only refusals are decided so.
/// - Before the feed has begun, and after it has been lost, none is kept.
pub(crate) struct Verdicts<V> {
    kept: Arc<Kept>,
    flights: SingleFlight<Asking<V>>,
}

/// The verdicts that are kept, and what they are judged by.
struct Kept {
    knowledge: Arc<Knowledge>,
    good: Cache<Digest, Verdict, Weight>,
    refused: Cache<Digest, Verdict>,
}

/// A verdict that may be used now, and how old the evidence for it is.
struct Usable(Verdict, Duration);

/// What a flight does.
struct Asking<V> {
    inner: V,
    kept: Arc<Kept>,
    fairness: Fairness,
}

/// A verdict's size in memory, roughly; a small one counts as one of the average, so that there are no more of them.
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
    /// Keeps verdicts in the default number.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(inner: V, limit: Duration, knowledge: Arc<Knowledge>) -> Self {
        Self::with_room(inner, limit, knowledge, MAX_VERDICTS, MAX_REFUSALS)
    }

    /// Keeps what `inner` says, for as long as it is true by this knowledge: with room for this many verdicts that let in,
    /// and for this many refusals. A flight to `inner` lasts at most `limit`.
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
    /// What is known of the token now; `None` when it must be asked for.
    fn find(&self, digest: &Digest) -> Option<Usable> {
        // One that was good once, and is not any more, may have been refused since.
        let good = self.good.get(digest).and_then(|kept| self.judge(kept));
        good.or_else(|| self.refused.get(digest).and_then(|kept| self.judge(kept)))
    }

    /// What the verdict comes to now; `None` when it must be asked for.
    fn judge(&self, verdict: Verdict) -> Option<Usable> {
        let grounds = verdict.grounds.as_ref()?;
        let (standing, age) = self.knowledge.judge(&verdict, grounds);
        match standing {
            Standing::Good => Some(Usable(verdict, age)),
            Standing::Dead(cause) => Some(Usable(Verdict::denied(denial(cause)), age)),
            Standing::Stale => None,
        }
    }

    /// The verdict is used.
    fn used(&self, Usable(verdict, age): Usable) -> Verdict {
        if matches!(verdict.worth, Worth::Valid(_)) {
            self.counters().evidence_age.record(age);
        }
        verdict
    }

    /// Returns the token's chance to be good, by its form and by the keys that the feed has named.
    fn chance(&self, token: &Token) -> Chance {
        self.knowledge.with_key_names(|names| Chance::of(token.expose(), names))
    }

    /// Refuses a token without a question. The verdict stands on the token's form alone, and is not kept.
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
        // Of a flight that has landed since its caller looked.
        if let Some(Usable(verdict, _)) = self.kept.find(&digest) {
            return Ok(verdict);
        }
        // A token that was good before is asked about again without delay.
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
        // Apart, so that a call whose token is known carries no room for the question.
        Box::pin(self.ask(token, asker, deadline)).await
    }
}

impl<V: Verify> Verdicts<V> {
    /// What the token is worth by an answer that has been heard since.
    async fn ask(&self, token: &Token, asker: Asker, deadline: Instant) -> Result<Verdict, Unavailable> {
        for _ in 0..ATTEMPTS {
            let verdict = self.flights.verify_for(token, asker, deadline).await?;
            if verdict.grounds.is_none() {
                // It is true at this moment, and says nothing of the next one.
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

    /// Says that each token is good, but for `x` and a number, as of a place that the feed knows; and counts.
    struct Judge(AtomicUsize, Uptime);

    impl Verify for Judge {
        async fn verify(&self, token: &Token, _: Instant) -> Result<Verdict, Unavailable> {
            self.0.fetch_add(1, Ordering::SeqCst);
            assert!(token.has_digest(), "a call's token is hashed once, before it is shared");
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
    async fn who_comes_too_late_for_a_flight_finds_what_it_has_kept() {
        let world = World::new();
        assert!(matches!(world.ask(&token()).await.worth, Worth::Valid(_)));
        // As a caller does who has looked before the verdict was kept, and boards when the flight has landed.
        let (flights, later) = (&world.verdicts.flights, Instant::now() + Duration::from_mins(1));
        assert!(matches!(flights.verify(&token(), later).await.unwrap().worth, Worth::Valid(_)));
        assert_eq!(world.asked(), 1);
        world.uptime.advance(Duration::from_millis(1001));
        assert!(flights.verify(&token(), later).await.is_ok());
        assert_eq!(world.asked(), 2, "what nobody vouches for is asked for again");
    }

    #[tokio::test]
    async fn a_token_that_was_good_and_is_not_any_more_is_asked_about_once_as_well() {
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
    async fn a_flood_of_garbage_pushes_out_no_good_token() {
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
    async fn no_more_verdicts_are_kept_than_are_allowed_nor_more_bytes() {
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
        // Each of them is larger than ten of the others may be.
        keep(MAX_VERDICTS + 1000..MAX_VERDICTS + 21_000, 50);
        assert!(good.len() < MAX_VERDICTS, "{}", good.len());
        assert!(good.weight() <= u64::try_from(MAX_VERDICTS * BYTES).unwrap());
    }
}
