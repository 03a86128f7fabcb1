//! The revocations in memory: a few words for each entry of the log.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::{Cause, Entry, Era, Horizon, Revocation, SessionId, UserId};

/// Facts of a token that decide if it is revoked.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// Id of the user.
    pub user: UserId,
    /// Id of the session.
    pub session: SessionId,
    /// Generation of the user, read together with the roles.
    pub generation: i32,
    /// Id of the key that signed the token.
    pub key: &'a str,
    /// Time of issue, in seconds since 1970.
    pub issued: i64,
    /// Era of the log in which the token was issued.
    pub era: Era,
}

/// Index of all revocations that kill tokens now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationIndex {
    users: HashMap<UserId, RevokedUser>,
    /// Revoked sessions with the times of their entries, in seconds since 1970.
    sessions: HashMap<SessionId, u32>,
    /// Killed keys with the times of their entries, in seconds since 1970.
    keys: HashMap<String, u32>,
    /// Time until which all issued tokens are dead.
    horizon: Horizon,
}

/// Revocation of a user's older tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RevokedUser {
    /// Generation below which tokens are dead.
    below: i32,
    /// Time of the entry, rounded up, in seconds since 1970. The type suffices until 2106.
    time: u32,
    cause: Cause,
}

impl RevocationIndex {
    /// Adds an entry. A dead token stays dead, in any order of the entries.
    pub fn add(&mut self, entry: &Entry) {
        let time = u32::try_from(entry.time.timestamp().saturating_add(1)).unwrap_or(u32::MAX);
        match &entry.revocation {
            // The row of an API key tells its state.
            Revocation::Start | Revocation::NewSigningKeys | Revocation::ApiKey(_) => {}
            Revocation::SigningKey(id) => {
                self.keys.insert(id.clone(), time);
            }
            Revocation::Session(id) => {
                let known = self.sessions.entry(*id).or_insert(time);
                *known = time.max(*known);
            }
            Revocation::User { id, generation, cause } => {
                let revoked = RevokedUser { below: *generation, time, cause: *cause };
                let known = self.users.entry(*id).or_insert(revoked);
                if revoked.below >= known.below {
                    *known = RevokedUser { time: known.time.max(time), ..revoked };
                }
            }
        }
    }

    /// Takes a later horizon, and refuses every token that it kills.
    pub fn follow_horizon(&mut self, horizon: Horizon) {
        self.horizon.follow(horizon);
    }

    /// Returns the time until which all issued tokens are dead.
    pub fn horizon(&self) -> Horizon {
        self.horizon
    }

    /// Removes the entries up to this time that the horizon makes superfluous.
    pub fn forget(&mut self, until: DateTime<Utc>) {
        let until = self.horizon.until.min(until).timestamp();
        self.users.retain(|_, revoked| i64::from(revoked.time) > until);
        self.sessions.retain(|_, time| i64::from(*time) > until);
        self.keys.retain(|_, time| i64::from(*time) > until);
        if self.users.len() < self.users.capacity() / 4 {
            self.users.shrink_to_fit();
        }
        if self.sessions.len() < self.sessions.capacity() / 4 {
            self.sessions.shrink_to_fit();
        }
    }

    /// Returns the number of revoked users, sessions and keys.
    pub(super) fn len(&self) -> usize {
        self.users.len() + self.sessions.len() + self.keys.len()
    }

    /// Returns `true` if this key's tokens are dead.
    pub fn has_killed(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Returns the cause of the revocation if the token is dead.
    pub fn check_revocation(&self, bearer: Bearer<'_>) -> Option<Cause> {
        let revoked = self.users.get(&bearer.user).filter(|revoked| bearer.generation < revoked.below);
        if let Some(revoked) = revoked {
            return Some(revoked.cause);
        }
        let is_dead = self.sessions.contains_key(&bearer.session)
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

    const ADA: UserId = UserId::from_u128(1);
    const LAPTOP: SessionId = SessionId::from_u128(10);

    fn entry(revocation: Revocation) -> Entry {
        Entry { logged: Logged { revision: 1, fingerprint: EntryFingerprint([0; 16]) }, revocation, time: start() }
    }

    fn user(generation: i32, cause: Cause) -> Entry {
        entry(Revocation::User { id: ADA, generation, cause })
    }

    fn contents<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> RevocationIndex {
        let mut contents = RevocationIndex::default();
        entries.into_iter().for_each(|entry| contents.add(entry));
        contents
    }

    fn count(contents: &RevocationIndex) -> usize {
        contents.users.len() + contents.sessions.len()
    }

    /// Returns a token of Ada's laptop.
    fn token(generation: i32) -> Bearer<'static> {
        let issued = (start() + Duration::from_secs(1)).timestamp();
        Bearer { user: ADA, session: LAPTOP, generation, key: "kid-1", issued, era: Era::default() }
    }

    #[test]
    fn token_dies_by_user_session_or_key() {
        let others = [
            entry(Revocation::Start),
            entry(Revocation::NewSigningKeys),
            entry(Revocation::Session(SessionId::from_u128(11))),
            entry(Revocation::SigningKey("kid-2".into())),
            entry(Revocation::User { id: UserId::from_u128(2), generation: i32::MAX, cause: Cause::Deleted }),
        ];
        assert_eq!(contents(&others).check_revocation(token(1)), None);
        for (revocation, cause) in [
            (entry(Revocation::Session(LAPTOP)), Cause::Ended),
            (entry(Revocation::SigningKey("kid-1".into())), Cause::Ended),
            (user(2, Cause::Ended), Cause::Ended),
            (user(2, Cause::Disabled), Cause::Disabled),
            (user(i32::MAX, Cause::Deleted), Cause::Deleted),
        ] {
            assert_eq!(
                contents(others.iter().chain([&revocation])).check_revocation(token(1)),
                Some(cause),
                "{revocation:?}"
            );
        }
    }

    #[test]
    fn only_older_generations_are_dead() {
        let contents = contents(&[user(3, Cause::Disabled)]);
        let causes: Vec<_> = [1, 2, 3, 4].map(|generation| contents.check_revocation(token(generation))).to_vec();
        assert_eq!(causes, [Some(Cause::Disabled), Some(Cause::Disabled), None, None]);
    }

    #[test]
    fn enabled_user_has_revoked_tokens() {
        let contents = contents(&[user(2, Cause::Disabled), user(2, Cause::Ended)]);
        assert_eq!(contents.check_revocation(token(1)), Some(Cause::Ended));
    }

    #[test]
    fn deleted_user_stays_deleted_after_late_entry() {
        let late = contents(&[user(i32::MAX, Cause::Deleted), user(2, Cause::Ended)]);
        assert_eq!(late.check_revocation(token(7)), Some(Cause::Deleted));
    }

    #[test]
    fn horizon_kills_tokens_to_the_second() {
        let mut contents = RevocationIndex::default();
        for (millis, dead) in [(0, false), (999, false), (1000, true), (1999, true)] {
            contents.follow_horizon((start() + Duration::from_millis(millis)).into());
            assert_eq!(contents.check_revocation(token(1)).is_some(), dead, "{millis}");
        }
        contents.follow_horizon(start().into());
        assert!(contents.check_revocation(token(1)).is_some(), "the horizon never goes back");
    }

    #[test]
    fn horizon_refuses_forgotten_entries() {
        let entries = [entry(Revocation::Session(LAPTOP)), user(2, Cause::Ended)];
        let mut contents = contents(&entries);
        let later = start() + Duration::from_mins(1);
        contents.forget(later);
        assert_eq!(count(&contents), 2, "entries beyond the horizon stay");
        contents.follow_horizon(later.into());
        contents.forget(start());
        assert_eq!(count(&contents), 2, "entries after the given time stay");
        contents.forget(later);
        assert_eq!(count(&contents), 0);
        assert_eq!(contents.check_revocation(token(1)), Some(Cause::Ended));
    }

    #[test]
    fn each_kind_of_entry_is_counted_and_forgotten() {
        let session = |number| entry(Revocation::Session(SessionId::from_u128(number)));
        let key = |name: &str| entry(Revocation::SigningKey(name.into()));
        let mut contents = contents(&[user(2, Cause::Ended), session(1), session(2), key("a"), key("b"), key("c")]);
        assert_eq!(contents.len(), 1 + 2 + 3);
        // The time of an entry is rounded up to the next second.
        let (before, after) = (start() + Duration::from_millis(999), start() + Duration::from_secs(1));
        contents.follow_horizon(after.into());
        contents.forget(before);
        assert_eq!(contents.len(), 6);
        contents.forget(after);
        assert_eq!(contents.len(), 0);
    }
}
