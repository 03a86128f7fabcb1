//! The revocations that the feed has sent.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The target of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RevocationTarget {
    /// All tokens of the session with this id.
    Session(Box<str>),
    /// All tokens of this user from older generations.
    User {
        /// The user's id.
        id: Box<str>,
        /// The oldest valid generation.
        generation: i32,
        /// The cause.
        cause: RevocationCause,
    },
    /// All tokens signed by the key with this id.
    SigningKey(Box<str>),
}

/// The cause of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationCause {
    /// The session has ended, or the user has revoked all older tokens.
    Revoked,
    /// The user is disabled.
    Disabled,
    /// The user no longer exists.
    Deleted,
}

/// The validity of an introspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// The introspection may be used.
    Valid,
    /// The token has been revoked since.
    Revoked(RevocationCause),
    /// There is no evidence: the auth service must be asked.
    Stale,
}

/// The claims of a token that a revocation can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RevocableClaims<'a> {
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
    /// Ids of sessions and users, which share one form: tokens below the generation are revoked.
    ids: HashMap<Box<str>, (i32, RevocationCause)>,
    keys: HashSet<Box<str>>,
}

impl Revocations {
    /// Adds a revocation. Revoked tokens stay revoked in any order of revocations.
    pub(super) fn add(&mut self, target: RevocationTarget) {
        let (id, below, cause) = match target {
            RevocationTarget::Session(id) => (id, i32::MAX, RevocationCause::Revoked),
            RevocationTarget::User { id, generation, cause } => (id, generation, cause),
            RevocationTarget::SigningKey(id) => {
                self.keys.insert(id);
                return;
            }
        };
        let known = self.ids.entry(id).or_insert((below, cause));
        if below >= known.0 {
            *known = (below, cause);
        }
    }

    /// Returns the validity of a revoked token; `None` for others. Tokens of a revoked key are stale, because only the
    /// auth service knows the reason.
    pub(super) fn find(&self, claims: RevocableClaims<'_>) -> Option<Validity> {
        if self.keys.contains(claims.key) {
            return Some(Validity::Stale);
        }
        let revoked = |id: &str| self.ids.get(id).filter(|(below, _)| claims.generation < *below);
        revoked(claims.subject).or_else(|| revoked(claims.session)).map(|(_, cause)| Validity::Revoked(*cause))
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
