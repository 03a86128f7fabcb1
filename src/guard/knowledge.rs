//! The guard's revocation state, shared by all calls and the feed.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::Uptime;
use crate::ledger::{Bearer, Ledger, Standing};
use crate::metrics::AuthMetrics;

use super::key_names::KeyNames;
use super::{Introspection, IntrospectionFacts, TokenStatus};

/// The ledger with its clock and counters.
#[derive(Debug)]
pub(crate) struct Knowledge {
    ledger: RwLock<Ledger>,
    /// The ids of the signing keys. Not part of the ledger, because they never admit a call.
    key_names: RwLock<Option<KeyNames>>,
    uptime: Uptime,
    metrics: AuthMetrics,
}

impl Knowledge {
    pub(crate) fn new(uptime: Uptime) -> Self {
        Self::over(Ledger::default(), uptime)
    }

    /// Creates the state around this ledger.
    pub(crate) fn over(ledger: Ledger, uptime: Uptime) -> Self {
        Self { ledger: RwLock::new(ledger), key_names: RwLock::default(), uptime, metrics: AuthMetrics::default() }
    }

    /// Returns the counters.
    pub(crate) fn metrics(&self) -> &AuthMetrics {
        &self.metrics
    }

    /// Returns the clock of all times in the ledger.
    pub(crate) fn uptime(&self) -> &Uptime {
        &self.uptime
    }

    pub(crate) fn now(&self) -> Duration {
        self.uptime.now()
    }

    /// Reads the ledger at the current time. The clock is read after the lock is taken: a caller that waited for the lock
    /// would otherwise judge by an outdated time.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Ledger, Duration) -> T) -> T {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.uptime.now();
        read(&ledger, now)
    }

    /// Changes the ledger. Readers see the whole change at once.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Ledger, Duration) -> T) -> T {
        let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        let now = self.uptime.now();
        write(&mut ledger, now)
    }

    /// Reads the ids of the signing keys; `None` before the feed has sent them.
    pub(super) fn with_key_names<T>(&self, read: impl FnOnce(Option<&KeyNames>) -> T) -> T {
        read(self.key_names.read().unwrap_or_else(PoisonError::into_inner).as_ref())
    }

    /// Replaces the ids of the signing keys.
    pub(super) fn name_keys(&self, names: Option<KeyNames>) {
        *self.key_names.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Returns the validity of this introspection now, and the age of its evidence.
    pub(crate) fn judge(&self, introspection: &Introspection, facts: &IntrospectionFacts) -> (Standing, Duration) {
        self.read(|ledger, now| match &introspection.status {
            TokenStatus::Active(identity) => {
                let bearer = Bearer {
                    subject: &identity.subject,
                    session: identity.session.as_deref().unwrap_or_default(),
                    generation: facts.generation,
                    key: &facts.key,
                };
                let evidence = ledger.evidence(&facts.basis);
                (ledger.judge(&facts.basis, bearer, now), now.saturating_sub(evidence))
            }
            TokenStatus::Inactive(_) => {
                let asked = facts.basis.asked;
                let standing = if ledger.is_recent(asked, now) { Standing::Good } else { Standing::Stale };
                (standing, now.saturating_sub(asked))
            }
        })
    }
}
