//! The cache of introspections. The guard asks the auth service once per token.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::cache_entries::CacheEntries;
use super::fairness::Fairness;
use super::layers::SingleFlight;
use super::plausibility::Plausibility;
use super::shared_revocation_state::SharedRevocationState;
use super::{Introspection, Token, TrafficClass, Unavailable, Verify};

/// Default number of cached active introspections.
pub(super) const DEFAULT_CACHE_CAPACITY: usize = 100_000;

/// Default number of cached inactive introspections. They have a cache of their own: a flood of garbage evicts no valid
/// token.
pub(super) const DEFAULT_INACTIVE_CACHE_CAPACITY: usize = 10_000;

/// Maximum number of requests of one call, if each answer is outdated when it arrives.
const MAX_REQUESTS_PER_TOKEN: usize = 3;

/// A decorator that caches introspections while they are known to be true.
///
/// - The key of an entry is its token's SHA-256. Each use checks the entry against the revocation state
///   ([`crate::revocation_state`]), on evidence that is at most 1 s old. A revoked token is inactive. A stale entry
///   causes a new request.
/// - Callers with equal tokens share one flight to the inner verifier. A flight caches its introspection before it
///   ends, and looks for a cached one before it asks. So a caller that misses a flight does not ask again.
/// - The cache holds up to 100,000 active introspections of 500 bytes, and 10,000 inactive ones for 1 s each. The least
///   used ones are evicted.
/// - Clear garbage is rejected without a request ([`Plausibility`]). Likely garbage waits for a free slot
///   ([`Fairness`]).
/// - Nothing is cached before the feed starts or after it is lost.
pub(crate) struct IntrospectionCache<V> {
    entries: Arc<CacheEntries>,
    flights: SingleFlight<CacheFill<V>>,
}

/// The verifier behind the flights.
struct CacheFill<V> {
    inner: V,
    entries: Arc<CacheEntries>,
    fairness: Fairness,
}

impl<V: Verify> IntrospectionCache<V> {
    /// Creates a cache of the default size.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(inner: V, limit: Duration, revocation_state: Arc<SharedRevocationState>) -> Self {
        Self::with_capacity(inner, limit, revocation_state, DEFAULT_CACHE_CAPACITY, DEFAULT_INACTIVE_CACHE_CAPACITY)
    }

    /// Creates a cache around `inner` with room for these numbers of active and inactive introspections. A flight to
    /// `inner` lasts at most `limit`.
    pub(super) fn with_capacity(
        inner: V,
        limit: Duration,
        revocation_state: Arc<SharedRevocationState>,
        capacity: usize,
        inactive_capacity: usize,
    ) -> Self {
        let entries = Arc::new(CacheEntries::new(revocation_state, capacity, inactive_capacity));
        let (metrics, uptime) = (entries.revocation_state.metrics().clone(), entries.revocation_state.uptime().clone());
        let fill = CacheFill { inner, entries: Arc::clone(&entries), fairness: Fairness::default() };
        Self { flights: SingleFlight::with_metrics(fill, limit, metrics, uptime), entries }
    }
}

impl<V: Verify> Verify for CacheFill<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.verify_for(token, TrafficClass::NewCall(None), deadline).await
    }

    async fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> Result<Introspection, Unavailable> {
        let digest = token.digest();
        // A flight may have landed after its caller looked.
        if let Some(valid) = self.entries.find(&digest) {
            return Ok(valid.introspection);
        }
        // A token that was valid before does not wait for a slot.
        let is_known = self.entries.active.get(&digest).is_some();
        let (class, plausibility) = match self.entries.plausibility(token) {
            _ if is_known => (TrafficClass::OpenCall, Plausibility::Plausible),
            Plausibility::Impossible => return Ok(self.entries.reject_by_form()),
            plausibility => (class, plausibility),
        };
        let introspection = self
            .fairness
            .send(class, plausibility, deadline, |class| self.inner.verify_for(token, class, deadline))
            .await?;
        self.entries.insert(digest, &introspection);
        Ok(introspection)
    }
}

impl<V: Verify> Verify for IntrospectionCache<V> {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.verify_for(token, TrafficClass::NewCall(None), deadline).await
    }

    async fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> Result<Introspection, Unavailable> {
        if let Some(valid) = self.entries.find(&token.digest()) {
            self.entries.counters().hits.one();
            return Ok(self.entries.record_use(valid));
        }
        self.entries.counters().misses.one();
        // Boxed, so that a call with a known token reserves no memory for the request.
        Box::pin(self.ask(token, class, deadline)).await
    }
}

impl<V: Verify> IntrospectionCache<V> {
    /// Asks until an answer is valid on arrival.
    async fn ask(&self, token: &Token, class: TrafficClass, deadline: Instant) -> Result<Introspection, Unavailable> {
        for _ in 0..MAX_REQUESTS_PER_TOKEN {
            let introspection = self.flights.verify_for(token, class, deadline).await?;
            if introspection.facts.is_none() {
                // Such an introspection holds only now.
                return Ok(introspection);
            }
            if let Some(valid) = self.entries.check(introspection) {
                return Ok(self.entries.record_use(valid));
            }
        }
        Err(Unavailable::Away)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::super::cache_entries::MEAN_ENTRY_BYTES;
    use super::super::scripted::{ada, token};
    use super::super::{InactiveReason, IntrospectionFacts, TokenStatus};
    use super::*;
    use crate::Uptime;
    use crate::revocation_state::{Evidence, LogEntry, LogPosition};

    const POSITION: LogPosition = LogPosition { log: [1; 16], last: LogEntry { revision: 1, fingerprint: [2; 16] } };

    /// A verifier that records the class of each request. Tokens that begin with `x` are inactive. The answers have a
    /// log position that the feed knows.
    struct RecordingVerifier {
        classes: Mutex<Vec<TrafficClass>>,
        uptime: Uptime,
    }

    impl RecordingVerifier {
        fn classes(&self) -> Vec<TrafficClass> {
            self.classes.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }

    impl Verify for RecordingVerifier {
        async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
            self.verify_for(token, TrafficClass::NewCall(None), deadline).await
        }

        async fn verify_for(
            &self,
            token: &Token,
            class: TrafficClass,
            _: Instant,
        ) -> Result<Introspection, Unavailable> {
            self.classes.lock().unwrap_or_else(PoisonError::into_inner).push(class);
            assert!(token.has_digest(), "a call hashes its token once, before sharing it");
            let is_garbage = token.expose().starts_with('x');
            let introspection = if is_garbage {
                Introspection::inactive(InactiveReason::Invalid)
            } else {
                Introspection::active(ada())
            };
            let evidence = Evidence { position: POSITION, asked: self.uptime.now(), ttl: Duration::from_mins(5) };
            Ok(introspection.with_facts(IntrospectionFacts { evidence, generation: 0, key: "".into() }))
        }
    }

    struct CacheTest {
        uptime: Uptime,
        verifier: Arc<RecordingVerifier>,
        cache: IntrospectionCache<Arc<RecordingVerifier>>,
    }

    impl CacheTest {
        fn new() -> Self {
            let uptime = Uptime::manual();
            let revocation_state = Arc::new(SharedRevocationState::new(uptime.clone()));
            revocation_state.write(|state, now| state.reset(POSITION, now));
            uptime.advance(Duration::from_millis(1));
            let verifier = Arc::new(RecordingVerifier { classes: Mutex::default(), uptime: uptime.clone() });
            let cache = IntrospectionCache::new(Arc::clone(&verifier), Duration::from_millis(500), revocation_state);
            Self { uptime, verifier, cache }
        }

        async fn ask(&self, token: &Token) -> Introspection {
            self.cache.verify(token, Instant::now() + Duration::from_mins(1)).await.unwrap()
        }

        fn asked(&self) -> usize {
            self.verifier.classes().len()
        }
    }

    #[tokio::test]
    async fn caller_after_a_flight_finds_its_answer() {
        let test = CacheTest::new();
        assert!(matches!(test.ask(&token()).await.status, TokenStatus::Active(_)));
        // A caller that looked before the introspection was cached, and joins after the flight landed.
        let (flights, later) = (&test.cache.flights, Instant::now() + Duration::from_mins(1));
        assert!(matches!(flights.verify(&token(), later).await.unwrap().status, TokenStatus::Active(_)));
        assert_eq!(test.asked(), 1);
        test.uptime.advance(Duration::from_millis(1001));
        assert!(flights.verify(&token(), later).await.is_ok());
        assert_eq!(test.asked(), 2, "a stale introspection causes a new request");
    }

    #[tokio::test]
    async fn token_that_was_valid_before_waits_for_no_slot() {
        let test = CacheTest::new();
        test.ask(&token()).await;
        test.uptime.advance(Duration::from_millis(1001));
        test.ask(&token()).await;
        assert_eq!(test.verifier.classes(), [TrafficClass::NewCall(None), TrafficClass::OpenCall]);
    }

    #[tokio::test]
    async fn token_that_expired_is_asked_about_once() {
        let test = CacheTest::new();
        test.ask(&token()).await;
        test.uptime.advance(Duration::from_millis(1001));
        let evidence = Evidence { position: POSITION, asked: test.uptime.now(), ttl: Duration::ZERO };
        let expired = Introspection::inactive(InactiveReason::Expired).with_facts(IntrospectionFacts {
            evidence,
            generation: 0,
            key: "".into(),
        });
        test.cache.entries.insert(token().digest(), &expired);
        assert!(matches!(test.ask(&token()).await.status, TokenStatus::Inactive(InactiveReason::Expired)));
        assert_eq!(test.asked(), 1);
    }

    #[tokio::test]
    async fn flood_of_garbage_evicts_no_valid_token() {
        let test = CacheTest::new();
        test.ask(&token()).await;
        for number in 0..2 * DEFAULT_INACTIVE_CACHE_CAPACITY {
            let garbage = Token::parse(&format!("x{number}")).unwrap();
            assert!(matches!(test.ask(&garbage).await.status, TokenStatus::Inactive(InactiveReason::Invalid)));
        }
        assert!(test.cache.entries.inactive.len() <= DEFAULT_INACTIVE_CACHE_CAPACITY);
        let before = test.asked();
        assert!(matches!(test.ask(&token()).await.status, TokenStatus::Active(_)));
        assert_eq!(test.asked(), before);
    }

    #[tokio::test]
    async fn cache_is_limited_in_number_and_bytes() {
        let test = CacheTest::new();
        let Introspection { facts, .. } = test.ask(&token()).await;
        let keep = |numbers: std::ops::Range<usize>, roles: usize| {
            let identity = ada().roles(vec!["r".repeat(100); roles]);
            for number in numbers {
                let introspection = Introspection { facts: facts.clone(), ..Introspection::active(identity.clone()) };
                test.cache.entries.insert(Token::parse(&number.to_string()).unwrap().digest(), &introspection);
            }
        };
        let active = &test.cache.entries.active;
        keep(0..DEFAULT_CACHE_CAPACITY + 1000, 0);
        assert!((DEFAULT_CACHE_CAPACITY / 2..=DEFAULT_CACHE_CAPACITY).contains(&active.len()), "{}", active.len());
        // Each of these is larger than ten average ones.
        keep(DEFAULT_CACHE_CAPACITY + 1000..DEFAULT_CACHE_CAPACITY + 21_000, 50);
        assert!(active.len() < DEFAULT_CACHE_CAPACITY, "{}", active.len());
        assert!(active.weight() <= u64::try_from(DEFAULT_CACHE_CAPACITY * MEAN_ENTRY_BYTES).unwrap());
    }
}
