//! What is revoked, in memory: a few words for each entry of the log.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::{Cause, Entry, Revocation};

/// What a token must show to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// The user.
    pub user: Uuid,
    /// The session.
    pub session: Uuid,
    /// The user's generation, read together with the roles.
    pub generation: i32,
    /// The key that signed.
    pub key: &'a str,
    /// When it was issued, in seconds since 1970.
    pub issued: i64,
}

/// All that kills tokens now.
#[derive(Debug, Default)]
pub struct Contents {
    /// Sessions, users and API keys: their ids are of one kind, and no two of them are the same.
    ids: HashMap<Uuid, Revoked>,
    keys: HashSet<String>,
    /// Tokens that were issued until then are dead.
    horizon: DateTime<Utc>,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug)]
struct Revoked {
    /// Tokens of an older generation are dead.
    below: i32,
    /// When, in seconds since 1970: not before the entry's own time, and enough until 2106.
    time: u32,
    cause: Cause,
    /// An API key's entry is kept for as long as its row.
    stays: bool,
}

impl Contents {
    /// Takes an entry in. What is dead stays dead, in whatever order entries come.
    pub fn add(&mut self, entry: &Entry) {
        let time = u32::try_from(entry.time.timestamp().saturating_add(1)).unwrap_or(u32::MAX);
        let all = Revoked { below: i32::MAX, time, cause: Cause::Ended, stays: false };
        let (id, revoked) = match &entry.revocation {
            Revocation::Start | Revocation::NewSigningKeys => return,
            Revocation::SigningKey(id) => {
                self.keys.insert(id.clone());
                return;
            }
            Revocation::Session(id) => (*id, all),
            Revocation::ApiKey(id) => (*id, Revoked { stays: true, ..all }),
            Revocation::User { id, generation, cause } => (*id, Revoked { below: *generation, cause: *cause, ..all }),
        };
        let known = self.ids.entry(id).or_insert(revoked);
        if revoked.below >= known.below {
            *known = Revoked { time: known.time.max(revoked.time), ..revoked };
        }
    }

    /// Refuses every token that was issued until then.
    pub fn raise_horizon(&mut self, horizon: DateTime<Utc>) {
        self.horizon = self.horizon.max(horizon);
    }

    /// Tokens that were issued until then are dead.
    pub fn horizon(&self) -> DateTime<Utc> {
        self.horizon
    }

    /// Forgets what was revoked until then and is refused by the horizon in any case.
    pub fn forget(&mut self, until: DateTime<Utc>) {
        let until = self.horizon.min(until).timestamp();
        self.ids.retain(|_, revoked| revoked.stays || i64::from(revoked.time) > until);
        if self.ids.len() < self.ids.capacity() / 4 {
            self.ids.shrink_to_fit();
        }
    }

    /// Why the token is dead, if it is.
    pub fn judge(&self, bearer: Bearer<'_>) -> Option<Cause> {
        let dead = |id: Uuid, generation: i32| self.ids.get(&id).filter(|revoked| generation < revoked.below);
        if let Some(revoked) = dead(bearer.user, bearer.generation) {
            return Some(revoked.cause);
        }
        let is_dead = dead(bearer.session, bearer.generation).is_some()
            || self.keys.contains(bearer.key)
            || bearer.issued <= self.horizon.timestamp();
        is_dead.then_some(Cause::Ended)
    }
}
