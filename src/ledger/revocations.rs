//! What has been revoked, as far as the feed has brought it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What a row of the log revokes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// All tokens of this session, by its id.
    Session(Box<str>),
    /// This user's tokens of older generations.
    User {
        /// The user's id.
        id: Box<str>,
        /// The oldest generation that is good.
        generation: i32,
        /// Why.
        cause: Cause,
    },
    /// All tokens that this key has signed, by its id.
    SigningKey(Box<str>),
}

/// Why a token is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Its session has ended, or its user has called all older tokens in.
    Revoked,
    /// Its user may not act for now.
    Disabled,
    /// Its user no longer exists.
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
    /// The id of the key that signed it; empty for services.
    pub key: &'a str,
}

/// All that the feed has revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Revocations {
    /// Sessions and users, whose ids are of one kind: tokens of a generation below are dead.
    ids: HashMap<Box<str>, (i32, Cause)>,
    keys: HashSet<Box<str>>,
}

impl Revocations {
    /// Takes one in. What is dead stays dead, in whatever order they come.
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

    /// What has become of the token, if anything has. Of a dead key's tokens only the auth service knows what to say.
    pub(super) fn of(&self, bearer: Bearer<'_>) -> Option<Standing> {
        if self.keys.contains(bearer.key) {
            return Some(Standing::Stale);
        }
        let dead = |id: &str| self.ids.get(id).filter(|(below, _)| bearer.generation < *below);
        dead(bearer.subject).or_else(|| dead(bearer.session)).map(|(_, cause)| Standing::Dead(*cause))
    }
}

/// Equal contents have equal hashes, whatever order they came in.
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
