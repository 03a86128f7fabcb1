//! What is revoked, in memory: a few words for each entry of the log.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::{Cause, Entry, Era, Horizon, Revocation};

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
    /// The era of the log in which it was issued.
    pub era: Era,
}

/// All that kills tokens now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Sessions and users: their ids are of one kind, and no two of them are the same.
    ids: HashMap<Uuid, Revoked>,
    /// Each with the time of its entry, as an id has it.
    keys: HashMap<String, u32>,
    /// Which tokens are dead whatever else is known of them.
    horizon: Horizon,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Revoked {
    /// Tokens of an older generation are dead.
    below: i32,
    /// When, in seconds since 1970: not before the entry's own time, and enough until 2106.
    time: u32,
    cause: Cause,
}

impl Contents {
    /// Takes an entry in. What is dead stays dead, in whatever order entries come.
    pub fn add(&mut self, entry: &Entry) {
        let time = u32::try_from(entry.time.timestamp().saturating_add(1)).unwrap_or(u32::MAX);
        let all = Revoked { below: i32::MAX, time, cause: Cause::Ended };
        let (id, revoked) = match &entry.revocation {
            Revocation::Start | Revocation::NewSigningKeys => return,
            Revocation::SigningKey(id) => {
                self.keys.insert(id.clone(), time);
                return;
            }
            Revocation::Session(id) => (*id, all),
            Revocation::User { id, generation, cause } => (*id, Revoked { below: *generation, cause: *cause, ..all }),
        };
        let known = self.ids.entry(id).or_insert(revoked);
        if revoked.below >= known.below {
            *known = Revoked { time: known.time.max(revoked.time), ..revoked };
        }
    }

    /// Refuses every token that this horizon, read later than the one before, kills.
    pub fn follow_horizon(&mut self, horizon: Horizon) {
        self.horizon.follow(horizon);
    }

    /// Tells which tokens are dead whatever else is known of them.
    pub fn horizon(&self) -> Horizon {
        self.horizon
    }

    /// Forgets what was revoked until then and is refused by the horizon in any case.
    pub fn forget(&mut self, until: DateTime<Utc>) {
        let until = self.horizon.until.min(until).timestamp();
        self.ids.retain(|_, revoked| i64::from(revoked.time) > until);
        self.keys.retain(|_, time| i64::from(*time) > until);
        if self.ids.len() < self.ids.capacity() / 4 {
            self.ids.shrink_to_fit();
        }
    }

    /// Whether this key's tokens are dead.
    pub fn has_killed(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Why the token is dead, if it is.
    pub fn judge(&self, bearer: Bearer<'_>) -> Option<Cause> {
        let dead = |id: Uuid, generation: i32| self.ids.get(&id).filter(|revoked| generation < revoked.below);
        if let Some(revoked) = dead(bearer.user, bearer.generation) {
            return Some(revoked.cause);
        }
        let is_dead = dead(bearer.session, bearer.generation).is_some()
            || self.has_killed(bearer.key)
            || self.horizon.kills(bearer.issued, bearer.era);
        is_dead.then_some(Cause::Ended)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testkit::start;

    use super::*;
    use crate::domain::{EntryFingerprint, Logged};

    const ADA: Uuid = Uuid::from_u128(1);
    const LAPTOP: Uuid = Uuid::from_u128(10);

    fn entry(revocation: Revocation) -> Entry {
        Entry { logged: Logged { revision: 1, fingerprint: EntryFingerprint([0; 16]) }, revocation, time: start() }
    }

    fn user(generation: i32, cause: Cause) -> Entry {
        entry(Revocation::User { id: ADA, generation, cause })
    }

    fn contents<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Contents {
        let mut contents = Contents::default();
        entries.into_iter().for_each(|entry| contents.add(entry));
        contents
    }

    /// A token of Ada's laptop.
    fn token(generation: i32) -> Bearer<'static> {
        let issued = (start() + Duration::from_secs(1)).timestamp();
        Bearer { user: ADA, session: LAPTOP, generation, key: "kid-1", issued, era: Era::default() }
    }

    #[test]
    fn a_token_lives_until_something_of_it_is_revoked() {
        let others = [
            entry(Revocation::Start),
            entry(Revocation::NewSigningKeys),
            entry(Revocation::Session(Uuid::from_u128(11))),
            entry(Revocation::SigningKey("kid-2".into())),
            entry(Revocation::User { id: Uuid::from_u128(2), generation: i32::MAX, cause: Cause::Deleted }),
        ];
        assert_eq!(contents(&others).judge(token(1)), None);
        for (revocation, cause) in [
            (entry(Revocation::Session(LAPTOP)), Cause::Ended),
            (entry(Revocation::SigningKey("kid-1".into())), Cause::Ended),
            (user(2, Cause::Ended), Cause::Ended),
            (user(2, Cause::Disabled), Cause::Disabled),
            (user(i32::MAX, Cause::Deleted), Cause::Deleted),
        ] {
            assert_eq!(contents(others.iter().chain([&revocation])).judge(token(1)), Some(cause), "{revocation:?}");
        }
    }

    #[test]
    fn only_older_generations_are_dead() {
        let contents = contents(&[user(3, Cause::Disabled)]);
        let judged: Vec<_> = [1, 2, 3, 4].map(|generation| contents.judge(token(generation))).to_vec();
        assert_eq!(judged, [Some(Cause::Disabled), Some(Cause::Disabled), None, None]);
    }

    #[test]
    fn a_user_who_is_let_in_again_has_tokens_that_are_revoked_and_no_longer_barred() {
        let contents = contents(&[user(2, Cause::Disabled), user(2, Cause::Ended)]);
        assert_eq!(contents.judge(token(1)), Some(Cause::Ended));
    }

    #[test]
    fn what_is_dead_stays_dead_whatever_is_read_later() {
        let late = contents(&[user(i32::MAX, Cause::Deleted), user(2, Cause::Ended)]);
        assert_eq!(late.judge(token(7)), Some(Cause::Deleted));
    }

    #[test]
    fn what_was_issued_until_the_horizon_is_dead_to_the_second() {
        let mut contents = Contents::default();
        for (millis, dead) in [(0, false), (999, false), (1000, true), (1999, true)] {
            contents.follow_horizon((start() + Duration::from_millis(millis)).into());
            assert_eq!(contents.judge(token(1)).is_some(), dead, "{millis}");
        }
        contents.follow_horizon(start().into());
        assert!(contents.judge(token(1)).is_some(), "it never goes back");
    }

    #[test]
    fn what_is_forgotten_is_refused_by_the_horizon() {
        let entries = [entry(Revocation::Session(LAPTOP)), user(2, Cause::Ended)];
        let mut contents = contents(&entries);
        let later = start() + Duration::from_mins(1);
        contents.forget(later);
        assert_eq!(contents.ids.len(), 2, "nothing that the horizon does not cover");
        contents.follow_horizon(later.into());
        contents.forget(start());
        assert_eq!(contents.ids.len(), 2, "nothing that is not over");
        contents.forget(later);
        assert_eq!(contents.ids.len(), 0);
        assert_eq!(contents.judge(token(1)), Some(Cause::Ended));
    }
}
