//! What the guard knows, shared by all calls and the feed.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::Uptime;
use crate::ledger::{Bearer, Ledger, Standing};
use crate::metrics::AuthMetrics;

use super::key_names::KeyNames;
use super::{Grounds, Verdict, Worth};

/// The ledger, the clock that its times are of, and what is counted.
#[derive(Debug)]
pub(crate) struct Knowledge {
    ledger: RwLock<Ledger>,
    /// Beside the ledger, since nobody is let in by them.
    key_names: RwLock<Option<KeyNames>>,
    uptime: Uptime,
    metrics: AuthMetrics,
}

impl Knowledge {
    pub(crate) fn new(uptime: Uptime) -> Self {
        Self::over(Ledger::default(), uptime)
    }

    /// What this ledger knows.
    pub(crate) fn over(ledger: Ledger, uptime: Uptime) -> Self {
        Self { ledger: RwLock::new(ledger), key_names: RwLock::default(), uptime, metrics: AuthMetrics::default() }
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &AuthMetrics {
        &self.metrics
    }

    /// The clock that all times are of.
    pub(crate) fn uptime(&self) -> &Uptime {
        &self.uptime
    }

    pub(crate) fn now(&self) -> Duration {
        self.uptime.now()
    }

    /// Reads the ledger, and then the time: with a clock read before, whoever had to wait for the ledger, or was stopped
    /// meanwhile, would judge by a time that is over.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Ledger, Duration) -> T) -> T {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.uptime.now();
        read(&ledger, now)
    }

    /// Changes the ledger, as one change for all who read it.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Ledger, Duration) -> T) -> T {
        let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        let now = self.uptime.now();
        write(&mut ledger, now)
    }

    /// Reads the names of the keys; `None` while the feed has not brought any.
    pub(super) fn with_key_names<T>(&self, read: impl FnOnce(Option<&KeyNames>) -> T) -> T {
        read(self.key_names.read().unwrap_or_else(PoisonError::into_inner).as_ref())
    }

    /// Takes in the names that the feed brings. An auth service that sends none leaves them unknown.
    pub(super) fn name_keys(&self, names: Option<KeyNames>) {
        *self.key_names.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Whether this verdict may be used now, and how old the evidence for it is.
    pub(crate) fn judge(&self, verdict: &Verdict, grounds: &Grounds) -> (Standing, Duration) {
        self.read(|ledger, now| match &verdict.worth {
            Worth::Valid(identity) => {
                let bearer = Bearer {
                    subject: &identity.subject,
                    session: identity.session.as_deref().unwrap_or_default(),
                    generation: grounds.generation,
                    key: &grounds.key,
                };
                let evidence = ledger.evidence(&grounds.basis);
                (ledger.judge(&grounds.basis, bearer, now), now.saturating_sub(evidence))
            }
            Worth::Denied(_) => {
                let asked = grounds.basis.asked;
                let standing = if ledger.is_recent(asked, now) { Standing::Good } else { Standing::Stale };
                (standing, now.saturating_sub(asked))
            }
        })
    }
}
