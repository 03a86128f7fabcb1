//! The cache of introspections. The guard asks the auth service once per token.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::fairness::Fairness;
use super::layers::SingleFlight;
use super::plausible::Chance;
use super::shared_revocation_state::{SharedRevocationState, ValidityCheck};
use super::{Asker, Digest, InactiveReason, Introspection, Token, TokenStatus, Unavailable, Verify};
use crate::metrics::Counters;
use crate::revocation_state::{RevocationCause, Validity};

/// Default number of cached active introspections.
pub(super) const MAX_VERDICTS: usize = 100_000;

/// Average size of an introspection in bytes. The cache's limit in bytes uses it.
const BYTES: usize = 500;

/// Default number of cached inactive introspections. They have a cache of their own: a flood of garbage evicts no valid token.
pub(super) const MAX_REFUSALS: usize = 10_000;

/// Maximum requests of one call, if each answer is outdated when it arrives.
const ATTEMPTS: usize = 3;

/// A decorator that caches introspections while they are known to be true.
///
/// - An introspection is kept under its token's SHA-256. Each use judges it by the revocation state ([`crate::revocation_state`]), on
///   evidence that is at most 1 s old. A dead introspection is a rejection. A stale one causes a new request.
/// - Callers with equal tokens share one flight to the inner verifier. A flight keeps its introspection before it ends, and looks
///   for a kept one before it asks. So a caller that misses a flight does not ask again.
/// - The cache holds up to 100,000 active introspections of 500 bytes, and 10,000 inactive ones for 1 s each. The least used
///   ones are evicted.
/// - Clear garbage is refused without a request ([`Chance`]). Likely garbage waits for a free slot ([`Fairness`]).
/// - Nothing is kept before the feed starts or after it is lost.
pub(crate) struct Verdicts<V> {
    kept: Arc<Kept>,
    flights: SingleFlight<Asking<V>>,
}

/// The cached introspections and the state that judges them.
struct Kept {
    revocation_state: Arc<SharedRevocationState>,
    good: Cache<Digest, Introspection, Weight>,
    refused: Cache<Digest, Introspection>,
}

/// An introspection that is valid now, and the age of its evidence.
struct Usable(Introspection, Duration);

/// The verifier behind the flights.
struct Asking<V> {
    inner: V,
    kept: Arc<Kept>,
    fairness: Fairness,
}

/// The approximate size of an introspection in memory. Small introspections count as average ones, which limits their number.
#[derive(Clone)]
struct Weight;

impl Weighter<Digest, Introspection> for Weight {
    fn weight(&self, _: &Digest, introspection: &Introspection) -> u64 {
        let texts = match &introspection.status {
            TokenStatus::Active(identity) => {
                let roles: usize = identity.roles.iter().map(|role| role.len() + size_of::<String>()).sum();
                let audiences: usize = identity.audiences.iter().map(|text| text.len() + size_of::<String>()).sum();
                let session = identity.session.as_ref().map_or(0, String::len);
                size_of_val(&**identity) + identity.subject.len() + session + audiences + roles
            }
            TokenStatus::Inactive(_) => 0,
        };
        let facts = introspection.facts.as_ref().map_or(0, |facts| size_of_val(&**facts) + facts.key.len());
        u64::try_from((texts + facts).max(BYTES)).unwrap_or(u64::MAX)
    }
}

impl<V: Verify> Verdicts<V> {
    /// Creates a cache of the default size.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(inner: V, limit: Duration, revocation_state: Arc<SharedRevocationState>) -> Self {
        Self::with_room(inner, limit, revocation_state, MAX_VERDICTS, MAX_REFUSALS)
    }

    /// Creates a cache around `inner` with room for these numbers of active and inactive introspections. A flight to `inner`
    /// lasts at most `limit`.
    pub(super) fn with_room(
        inner: V,
        limit: Duration,
        revocation_state: Arc<SharedRevocationState>,
        verdicts: usize,
        refusals: usize,
    ) -> Self {
        let bytes = u64::try_from(verdicts.saturating_mul(BYTES)).unwrap_or(u64::MAX);
        let (good, refused) = (Cache::with_weighter(verdicts, bytes, Weight), Cache::new(refusals));
        let kept = Arc::new(Kept { revocation_state, good, refused });
        let (metrics, uptime) = (kept.revocation_state.metrics().clone(), kept.revocation_state.uptime().clone());
        let asking = Asking { inner, kept: Arc::clone(&kept), fairness: Fairness::default() };
        Self { flights: SingleFlight::counting(asking, limit, metrics, uptime), kept }
    }
}

impl Kept {
    /// Returns the cached introspection if it is valid now.
    fn find(&self, digest: &Digest) -> Option<Usable> {
        // A token that was valid once may have a newer rejection.
        let good = self.good.get(digest).and_then(|kept| self.judge(kept));
        good.or_else(|| self.refused.get(digest).and_then(|kept| self.judge(kept)))
    }

    /// Judges the introspection now; `None` if the token needs a new request.
    fn judge(&self, introspection: Introspection) -> Option<Usable> {
        let facts = introspection.facts.as_ref()?;
        let ValidityCheck { validity, evidence_age } = self.revocation_state.check(&introspection, facts);
        match validity {
            Validity::Valid => Some(Usable(introspection, evidence_age)),
            Validity::Revoked(cause) => Some(Usable(Introspection::inactive(inactive_reason(cause)), evidence_age)),
            Validity::Stale => None,
        }
    }

    /// Records the age of the evidence, and returns the introspection.
    fn used(&self, Usable(introspection, age): Usable) -> Introspection {
        if matches!(introspection.status, TokenStatus::Active(_)) {
            self.counters().evidence_age.record(age);
        }
        introspection
    }

    /// Estimates the token's chance by its form and the listed keys.
    fn chance(&self, token: &Token) -> Chance {
        self.revocation_state.with_key_names(|names| Chance::of(token.expose(), names))
    }

    /// Refuses a token by its form alone. The introspection is not kept.
    fn give_up(&self) -> Introspection {
        self.counters().given_up.one();
        Introspection::inactive(InactiveReason::Invalid)
    }

    fn counters(&self) -> &Counters {
        self.revocation_state.metrics().counters()
    }

    fn keep(&self, digest: Digest, introspection: &Introspection) {
        if self.judge(introspection.clone()).is_none()
            || self.revocation_state.read(|state, _| state.position().is_none())
        {
            return;
        }
        match introspection.status {
            TokenStatus::Active(_) => self.good.insert(digest, introspection.clone()),
            TokenStatus::Inactive(_) => self.refused.insert(digest, introspection.clone()),
        }
    }
}

impl<V: Verify> Verify for Asking<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.verify_for(token, Asker::Call(None), deadline).await
    }

    async fn verify_for(&self, token: &Token, asker: Asker, deadline: Instant) -> Result<Introspection, Unavailable> {
        let digest = token.digest();
        // A flight may have landed after its caller looked.
        if let Some(Usable(introspection, _)) = self.kept.find(&digest) {
            return Ok(introspection);
        }
        // A token that was valid before does not wait for a slot.
        let is_known = self.kept.good.get(&digest).is_some();
        let (asker, chance) = match self.kept.chance(token) {
            _ if is_known => (Asker::Open, Chance::Fair),
            Chance::None => return Ok(self.kept.give_up()),
            chance => (asker, chance),
        };
        let introspection =
            self.fairness.ask(asker, chance, deadline, |asker| self.inner.verify_for(token, asker, deadline)).await?;
        self.kept.keep(digest, &introspection);
        Ok(introspection)
    }
}

impl<V: Verify> Verify for Verdicts<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.verify_for(token, Asker::Call(None), deadline).await
    }

    async fn verify_for(&self, token: &Token, asker: Asker, deadline: Instant) -> Result<Introspection, Unavailable> {
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
    async fn ask(&self, token: &Token, asker: Asker, deadline: Instant) -> Result<Introspection, Unavailable> {
        for _ in 0..ATTEMPTS {
            let introspection = self.flights.verify_for(token, asker, deadline).await?;
            if introspection.facts.is_none() {
                // Such an introspection holds only now.
                return Ok(introspection);
            }
            if let Some(usable) = self.kept.judge(introspection) {
                return Ok(self.kept.used(usable));
            }
        }
        Err(Unavailable::Away)
    }
}

fn inactive_reason(cause: RevocationCause) -> InactiveReason {
    match cause {
        RevocationCause::Revoked => InactiveReason::Revoked,
        RevocationCause::Disabled => InactiveReason::UserDisabled,
        RevocationCause::Deleted => InactiveReason::UserDeleted,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::IntrospectionFacts;
    use super::super::scripted::{ada, token};
    use super::*;
    use crate::Uptime;
    use crate::revocation_state::{Evidence, LogEntry, LogPosition};

    const PLACE: LogPosition = LogPosition { log: [1; 16], last: LogEntry { revision: 1, fingerprint: [2; 16] } };

    /// A verifier that counts requests. It refuses tokens that begin with `x`, at a log position that the feed knows.
    struct Judge(AtomicUsize, Uptime);

    impl Verify for Judge {
        async fn verify(&self, token: &Token, _: Instant) -> Result<Introspection, Unavailable> {
            self.0.fetch_add(1, Ordering::SeqCst);
            assert!(token.has_digest(), "a call hashes its token once, before sharing it");
            let is_garbage = token.expose().starts_with('x');
            let introspection = if is_garbage {
                Introspection::inactive(InactiveReason::Invalid)
            } else {
                Introspection::active(ada())
            };
            let evidence = Evidence { position: PLACE, asked: self.1.now(), ttl: Duration::from_mins(5) };
            Ok(introspection.with_facts(IntrospectionFacts { evidence, generation: 0, key: "".into() }))
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
            let revocation_state = Arc::new(SharedRevocationState::new(uptime.clone()));
            revocation_state.write(|state, now| state.reset(PLACE, now));
            uptime.advance(Duration::from_millis(1));
            let judge = Arc::new(Judge(AtomicUsize::new(0), uptime.clone()));
            let verdicts = Verdicts::new(Arc::clone(&judge), Duration::from_millis(500), revocation_state);
            Self { uptime, judge, verdicts }
        }

        async fn ask(&self, token: &Token) -> Introspection {
            self.verdicts.verify(token, Instant::now() + Duration::from_mins(1)).await.unwrap()
        }

        fn asked(&self) -> usize {
            self.judge.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn caller_after_a_flight_finds_its_verdict() {
        let world = World::new();
        assert!(matches!(world.ask(&token()).await.status, TokenStatus::Active(_)));
        // A caller that looked before the introspection was kept, and boards after the flight landed.
        let (flights, later) = (&world.verdicts.flights, Instant::now() + Duration::from_mins(1));
        assert!(matches!(flights.verify(&token(), later).await.unwrap().status, TokenStatus::Active(_)));
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
        let evidence = Evidence { position: PLACE, asked: world.uptime.now(), ttl: Duration::ZERO };
        let rejection = Introspection::inactive(InactiveReason::Expired).with_facts(IntrospectionFacts {
            evidence,
            generation: 0,
            key: "".into(),
        });
        world.verdicts.kept.keep(token().digest(), &rejection);
        assert!(matches!(world.ask(&token()).await.status, TokenStatus::Inactive(InactiveReason::Expired)));
        assert_eq!(world.asked(), 1);
    }

    #[tokio::test]
    async fn flood_of_garbage_evicts_no_valid_token() {
        let world = World::new();
        world.ask(&token()).await;
        for number in 0..2 * MAX_REFUSALS {
            let garbage = Token::parse(&format!("x{number}")).unwrap();
            assert!(matches!(world.ask(&garbage).await.status, TokenStatus::Inactive(InactiveReason::Invalid)));
        }
        assert!(world.verdicts.kept.refused.len() <= MAX_REFUSALS);
        let before = world.asked();
        assert!(matches!(world.ask(&token()).await.status, TokenStatus::Active(_)));
        assert_eq!(world.asked(), before);
    }

    #[tokio::test]
    async fn cache_is_limited_in_number_and_bytes() {
        let world = World::new();
        let Introspection { facts, .. } = world.ask(&token()).await;
        let keep = |numbers: std::ops::Range<usize>, roles: usize| {
            let identity = ada().roles(vec!["r".repeat(100); roles]);
            for number in numbers {
                let introspection = Introspection { facts: facts.clone(), ..Introspection::active(identity.clone()) };
                world.verdicts.kept.keep(Token::parse(&number.to_string()).unwrap().digest(), &introspection);
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
