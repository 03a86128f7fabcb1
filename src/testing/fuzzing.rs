//! The guard's readers of foreign data, for fuzzers.

use std::fmt;
use std::time::Duration;

use crate::Uptime;
use crate::api::auth::v1::{KeyName, WatchRevocationsResponse};
use crate::guard::{KeyNames, Plausibility, SharedRevocationState, apply_message};
use crate::revocation_state::{Evidence, Gap, LogPosition, Renewals, RevocableClaims, RevocationState, Validity};

/// A revocation feed without a connection. It applies messages as the guard's feed does.
pub struct ScriptedFeed {
    state: SharedRevocationState,
    uptime: Uptime,
    renewals: Renewals,
    digest: Vec<u8>,
}

impl ScriptedFeed {
    /// Creates a feed that holds at most this number of entries. Its clock stands still.
    pub fn new(max_entries: usize) -> Self {
        let uptime = Uptime::manual();
        let state = SharedRevocationState::with_state(RevocationState::new(max_entries), uptime.clone());
        Self { state, uptime, renewals: Renewals::default(), digest: Vec::new() }
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Uptime {
        &self.uptime
    }

    /// Sends a renewal, which later messages may answer, and returns its number.
    pub fn ask(&mut self) -> u64 {
        self.renewals.ask(self.uptime.now())
    }

    /// Applies a message of the auth service.
    ///
    /// # Errors
    /// [`Gap`] for a message that the guard refuses. The guard ends the stream then.
    pub fn apply(&mut self, message: WatchRevocationsResponse) -> Result<(), Gap> {
        apply_message(&self.state, &mut self.renewals, &mut self.digest, message.message).map(|_| ())
    }

    /// Returns the position in the log; `None` without a feed.
    pub fn position(&self) -> Option<LogPosition> {
        self.state.read(|state, _| state.position())
    }

    /// Returns the number of held entries.
    pub fn entries(&self) -> usize {
        self.state.read(|state, _| state.entries())
    }

    /// Returns the validity of an introspection.
    pub fn validity(&self, evidence: &Evidence, claims: RevocableClaims<'_>) -> Validity {
        self.state.read(|state, now| state.validity(evidence, claims, now))
    }
}

impl fmt::Debug for ScriptedFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedFeed").field("entries", &self.entries()).finish_non_exhaustive()
    }
}

/// Returns true if a guard that knows these keys refuses the token by its form, without a request. `now` is the time since
/// 1970.
pub fn is_refused_by_form(token: &str, keys: Vec<KeyName>, now: Duration) -> bool {
    Plausibility::estimate(token, KeyNames::read(keys).as_ref(), now) == Plausibility::Impossible
}
