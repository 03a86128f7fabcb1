//! The entries of the introspection cache.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::plausibility::Plausibility;
use super::shared_revocation_state::{SharedRevocationState, ValidityCheck};
use super::{InactiveReason, Introspection, Token, TokenDigest, TokenStatus};
use crate::metrics::AuthCounters;
use crate::revocation_state::{RevocationCause, Validity};

/// Average size of an introspection in bytes. The cache's limit in bytes uses it.
pub(super) const MEAN_ENTRY_BYTES: usize = 500;

/// The cached introspections and the state that decides about them.
pub(super) struct CacheEntries {
    pub(super) revocation_state: Arc<SharedRevocationState>,
    pub(super) active: Cache<TokenDigest, Introspection, IntrospectionWeight>,
    pub(super) inactive: Cache<TokenDigest, Introspection>,
}

/// An introspection that is valid now.
pub(super) struct ValidIntrospection {
    pub(super) introspection: Introspection,
    pub(super) evidence_age: Duration,
}

/// The approximate size of an introspection in memory. Small introspections count as average ones, which limits their
/// number.
#[derive(Clone)]
pub(super) struct IntrospectionWeight;

impl Weighter<TokenDigest, Introspection> for IntrospectionWeight {
    fn weight(&self, _: &TokenDigest, introspection: &Introspection) -> u64 {
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
        u64::try_from((texts + facts).max(MEAN_ENTRY_BYTES)).unwrap_or(u64::MAX)
    }
}

impl CacheEntries {
    /// Creates a cache with room for these numbers of active and inactive introspections.
    pub(super) fn new(revocation_state: Arc<SharedRevocationState>, capacity: usize, inactive_capacity: usize) -> Self {
        let bytes = u64::try_from(capacity.saturating_mul(MEAN_ENTRY_BYTES)).unwrap_or(u64::MAX);
        let active = Cache::with_weighter(capacity, bytes, IntrospectionWeight);
        Self { revocation_state, active, inactive: Cache::new(inactive_capacity) }
    }

    /// Returns the cached introspection if it is valid now.
    pub(super) fn find(&self, digest: &TokenDigest) -> Option<ValidIntrospection> {
        // A token that was active once may have a newer, inactive entry.
        let active = self.active.get(digest).and_then(|cached| self.check(cached));
        active.or_else(|| self.inactive.get(digest).and_then(|cached| self.check(cached)))
    }

    /// Checks the introspection now; `None` if the token needs a new request.
    pub(super) fn check(&self, introspection: Introspection) -> Option<ValidIntrospection> {
        let facts = introspection.facts.as_ref()?;
        let ValidityCheck { validity, evidence_age } = self.revocation_state.check(&introspection, facts);
        let introspection = match validity {
            Validity::Valid => introspection,
            Validity::Revoked(cause) => Introspection::inactive(inactive_reason(cause)),
            Validity::Stale => return None,
        };
        Some(ValidIntrospection { introspection, evidence_age })
    }

    /// Records the age of the evidence, and returns the introspection.
    pub(super) fn record_use(&self, valid: ValidIntrospection) -> Introspection {
        let ValidIntrospection { introspection, evidence_age } = valid;
        if matches!(introspection.status, TokenStatus::Active(_)) {
            self.counters().evidence_age.record(evidence_age);
        }
        introspection
    }

    /// Estimates the token's plausibility by its form and the listed keys.
    #[expect(clippy::disallowed_methods, reason = "the id of an API key has a time of day, and no caller passes one")]
    pub(super) fn plausibility(&self, token: &Token) -> Plausibility {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.revocation_state.with_key_names(|names| Plausibility::estimate(token.expose(), names, now))
    }

    /// Rejects a token by its form alone. The introspection is not cached.
    pub(super) fn reject_by_form(&self) -> Introspection {
        self.counters().given_up.one();
        Introspection::inactive(InactiveReason::Invalid)
    }

    pub(super) fn counters(&self) -> &AuthCounters {
        self.revocation_state.metrics().counters()
    }

    pub(super) fn insert(&self, digest: TokenDigest, introspection: &Introspection) {
        if self.check(introspection.clone()).is_none()
            || self.revocation_state.read(|state, _| state.position().is_none())
        {
            return;
        }
        match introspection.status {
            TokenStatus::Active(_) => self.active.insert(digest, introspection.clone()),
            TokenStatus::Inactive(_) => self.inactive.insert(digest, introspection.clone()),
        }
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
    use super::super::scripted::token;
    use super::super::{Identity, IntrospectionFacts};
    use super::*;
    use crate::revocation_state::{Evidence, LogEntry, LogPosition};

    fn weight(introspection: &Introspection) -> usize {
        IntrospectionWeight.weight(&token().digest(), introspection).try_into().unwrap()
    }

    fn of(identity: &Identity) -> usize {
        weight(&Introspection::active(identity.clone()))
    }

    #[test]
    fn each_text_adds_its_length_to_the_weight() {
        let (large, text) = (Identity::user("a".repeat(1000)), size_of::<String>());
        let before = of(&large);
        assert_eq!(before, size_of_val(&*large) + 1000 + "gatepost".len() + text);
        assert_eq!(of(&Identity::user("a".repeat(1003))), before + 3);
        assert_eq!(of(&large.clone().session("phone")), before + 5);
        assert_eq!(of(&large.clone().role("seller").role("a")), before + 6 + 1 + 2 * text);
        assert_eq!(of(&large.clone().audiences(["gatepost".into(), "blog".into()])), before + 4 + text);
        let position = LogPosition { log: [1; 16], last: LogEntry { revision: 1, fingerprint: [2; 16] } };
        let evidence = Evidence { position, asked: Duration::ZERO, ttl: Duration::ZERO };
        let facts = IntrospectionFacts { evidence, generation: 0, key: "kid".into() };
        let known = Introspection::active(large).with_facts(facts.clone());
        assert_eq!(weight(&known), before + size_of_val(&facts) + 3);
        let inactive = Introspection::inactive(InactiveReason::Invalid);
        assert_eq!([weight(&inactive), of(&Identity::user("ada"))], [MEAN_ENTRY_BYTES; 2], "small ones count as one");
    }
}
