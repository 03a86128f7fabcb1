//! The guard's revocation state, shared by all calls and the feed.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::Uptime;
use crate::metrics::AuthMetrics;
use crate::revocation_state::{RevocableClaims, RevocationState, Validity};

use super::key_names::KeyNames;
use super::{Introspection, IntrospectionFacts, TokenStatus};

/// The validity of an introspection now.
pub(super) struct ValidityCheck {
    pub(super) validity: Validity,
    pub(super) evidence_age: Duration,
}

/// The revocation state with its clock and counters.
#[derive(Debug)]
pub(crate) struct SharedRevocationState {
    state: RwLock<RevocationState>,
    /// The ids of the signing keys. Not part of the revocation state, because they never admit a call.
    key_names: RwLock<Option<KeyNames>>,
    uptime: Uptime,
    metrics: AuthMetrics,
}

impl SharedRevocationState {
    pub(crate) fn new(uptime: Uptime) -> Self {
        Self::with_state(RevocationState::default(), uptime)
    }

    /// Creates a shared state from this one.
    pub(crate) fn with_state(state: RevocationState, uptime: Uptime) -> Self {
        Self { state: RwLock::new(state), key_names: RwLock::default(), uptime, metrics: AuthMetrics::default() }
    }

    /// Returns the counters.
    pub(crate) fn metrics(&self) -> &AuthMetrics {
        &self.metrics
    }

    /// Returns the clock of all times in the revocation state.
    pub(crate) fn uptime(&self) -> &Uptime {
        &self.uptime
    }

    pub(crate) fn now(&self) -> Duration {
        self.uptime.now()
    }

    /// Reads the state at the current time. The clock is read after the lock is taken: a caller that waited for the
    /// lock would otherwise decide by an outdated time.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&RevocationState, Duration) -> T) -> T {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.uptime.now();
        read(&state, now)
    }

    /// Changes the revocation state. Readers see the whole change at once.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut RevocationState, Duration) -> T) -> T {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let now = self.uptime.now();
        write(&mut state, now)
    }

    /// Reads the ids of the signing keys; `None` before the feed has sent them.
    pub(super) fn with_key_names<T>(&self, read: impl FnOnce(Option<&KeyNames>) -> T) -> T {
        read(self.key_names.read().unwrap_or_else(PoisonError::into_inner).as_ref())
    }

    /// Replaces the ids of the signing keys.
    pub(super) fn set_key_names(&self, names: Option<KeyNames>) {
        *self.key_names.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Checks the validity of this introspection now.
    pub(super) fn check(&self, introspection: &Introspection, facts: &IntrospectionFacts) -> ValidityCheck {
        self.read(|state, now| {
            let (validity, evidence_time) = match &introspection.status {
                TokenStatus::Active(identity) => {
                    let claims = RevocableClaims {
                        subject: &identity.subject,
                        session: identity.session.as_deref().unwrap_or_default(),
                        generation: facts.generation,
                        key: &facts.key,
                    };
                    (state.validity(&facts.evidence, claims, now), state.evidence_time(&facts.evidence))
                }
                TokenStatus::Inactive(_) => {
                    let asked = facts.evidence.asked;
                    (if state.is_recent(asked, now) { Validity::Valid } else { Validity::Stale }, asked)
                }
            };
            ValidityCheck { validity, evidence_age: now.saturating_sub(evidence_time) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_given_clock() {
        let uptime = Uptime::manual();
        let shared = SharedRevocationState::new(uptime.clone());
        uptime.advance(Duration::from_secs(3));
        let times = [shared.uptime().now(), shared.now(), shared.read(|_, now| now), shared.write(|_, now| now)];
        assert_eq!(times, [Duration::from_secs(3); 4]);
    }
}
