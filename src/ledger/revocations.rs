//! The revocations that the feed has sent.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What a row of the log revokes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// All tokens of the session with this id.
    Session(Box<str>),
    /// All tokens of this user from older generations.
    User {
        /// The user's id.
        id: Box<str>,
        /// The oldest valid generation.
        generation: i32,
        /// The cause.
        cause: Cause,
    },
    /// All tokens signed by the key with this id.
    SigningKey(Box<str>),
}

/// The cause of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The session has ended, or the user has revoked all older tokens.
    Revoked,
    /// The user is disabled.
    Disabled,
    /// The user no longer exists.
    Deleted,
}

/// The standing of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The verdict may be used.
    Good,
    /// Its token has been revoked since.
    Dead(Cause),
    /// Unknown: the auth service must be asked.
    Stale,
}

/// What can be revoked of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bearer<'a> {
    /// The user's id, or the service's name.
    pub subject: &'a str,
    /// The session's id; empty for services.
    pub session: &'a str,
    /// The user's generation when the token was issued.
    pub generation: i32,
    /// The id of the signing key; empty for services.
    pub key: &'a str,
}

/// All revocations of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Revocations {
    /// Ids of sessions and users, which share one form: tokens below the generation are dead.
    ids: HashMap<Box<str>, (i32, Cause)>,
    keys: HashSet<Box<str>>,
}

impl Revocations {
    /// Adds a revocation. Dead tokens stay dead in any order of revocations.
    pub(super) fn add(&mut self, target: Target) {
        let (id, below, cause) = match target {
            Target::Session(id) => (id, i32::MAX, Cause::Revoked),
            Target::User { id, generation, cause } => (id, generation, cause),
            Target::SigningKey(id) => {
                self.keys.insert(id);
                return;
            }
        };
        let known = self.ids.entry(id).or_insert((below, cause));
        if below >= known.0 {
            *known = (below, cause);
        }
    }

    /// Returns the state of a revoked token. Only the auth service knows the reason for a dead key: its tokens are stale.
    pub(super) fn of(&self, bearer: Bearer<'_>) -> Option<Standing> {
        if self.keys.contains(bearer.key) {
            return Some(Standing::Stale);
        }
        let dead = |id: &str| self.ids.get(id).filter(|(below, _)| bearer.generation < *below);
        dead(bearer.subject).or_else(|| dead(bearer.session)).map(|(_, cause)| Standing::Dead(*cause))
    }
}

/// Equal contents have equal hashes in any order of insertion.
impl Hash for Revocations {
    fn hash<H: Hasher>(&self, state: &mut H) {
        fn alone(item: impl Hash) -> u64 {
            let mut hasher = DefaultHasher::new();
            item.hash(&mut hasher);
            hasher.finish()
        }
        let ids = self.ids.iter().map(alone).fold(0, u64::wrapping_add);
        let keys = self.keys.iter().map(alone).fold(0, u64::wrapping_add);
        state.write_u64(ids);
        state.write_u64(keys);
    }
}
