//! Key sets: the keys with valid tokens, now and in the future.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

use super::{Algorithm, Key, PublicKey, VerifyingKey};
use crate::domain::{KeyState, SigningKeyRecord, signing_at};

/// Keys with valid tokens: one that signs, and others that only verify.
#[derive(Default)]
pub struct KeySet {
    signing: Option<Arc<Key>>,
    verifying: Vec<Arc<VerifyingKey>>,
    listed: Vec<PublicKey>,
}

/// Key pair of the set. This process may have only its public half.
pub struct Member {
    /// Record of the key, with its times.
    pub record: SigningKeyRecord,
    /// Key with its private half; `None` if it no longer signs, or if this process cannot open it.
    pub key: Option<Arc<Key>>,
    /// Key that verifies its tokens.
    pub verifying: Arc<VerifyingKey>,
}

/// Key sets by time. They are computed in advance, so that no timer must fire for a key to start or end.
pub struct Timetable {
    sets: Vec<(DateTime<Utc>, Arc<KeySet>)>,
    /// True for a secret from the settings, which never changes.
    is_fixed: bool,
}

/// Current timetable, shared by all calls. It is replaced as a whole, so that each caller works with one consistent
/// set.
pub struct CurrentKeys(RwLock<Timetable>);

impl KeySet {
    /// Makes the set of this one key.
    pub fn new(signing: impl Into<Arc<Key>>) -> Self {
        let signing = signing.into();
        let (verifying, listed) = (vec![Arc::clone(signing.verifying())], signing.public().into_iter().collect());
        Self { signing: Some(signing), verifying, listed }
    }

    /// Accepts tokens of this key too, without listing it. If two keys have the same id, the first one counts.
    #[must_use]
    pub fn with(mut self, key: impl Into<Arc<VerifyingKey>>) -> Self {
        self.verifying.push(key.into());
        self
    }

    /// Returns the set of these keys at this time: those with valid tokens, the signing one listed first.
    fn from_members(members: &[Member], now: DateTime<Utc>) -> Self {
        let records: Vec<_> = members.iter().map(|member| member.record.clone()).collect();
        let signing = signing_at(&records, now).map(|record| &record.id);
        let is_signing = |member: &&Member| Some(&member.record.id) == signing;
        let live = |member: &&Member| member.record.state_at(now) != KeyState::Over;
        let (first, others): (Vec<_>, Vec<_>) = members.iter().filter(live).partition(is_signing);
        let mut set = Self { signing: first.first().and_then(|member| member.key.clone()), ..Self::default() };
        for member in first.into_iter().chain(others) {
            set.verifying.push(Arc::clone(&member.verifying));
            set.listed.push(PublicKey {
                id: member.record.id.clone(),
                algorithm: member.verifying.algorithm().name(),
                jwk: member.record.public_jwk.clone(),
            });
        }
        set
    }

    /// Returns the key that signs new tokens, if this process holds it.
    pub fn signing(&self) -> Option<&Key> {
        self.signing.as_deref()
    }

    /// Returns the key with exactly this id, by a lookup in memory (C4).
    pub fn find(&self, id: &str) -> Option<&VerifyingKey> {
        self.verifying.iter().map(AsRef::as_ref).find(|key| key.id() == id)
    }

    /// Returns the only key; `None` if there are several, since a choice without a key id would be a guess.
    pub(crate) fn only(&self) -> Option<&VerifyingKey> {
        match self.verifying.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Returns the ids of all keys with valid tokens.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.verifying.iter().map(|key| key.id())
    }

    /// Returns each key's id with its algorithm.
    pub fn names(&self) -> impl Iterator<Item = (&str, Algorithm)> {
        self.verifying.iter().map(|key| (key.id(), key.algorithm()))
    }

    /// Returns the public keys, the signing one first. A symmetric key has no public half.
    pub fn public(&self) -> &[PublicKey] {
        &self.listed
    }
}

impl Timetable {
    /// Makes a timetable of one set that never changes.
    pub fn always(set: impl Into<Arc<KeySet>>) -> Self {
        Self { sets: vec![(DateTime::<Utc>::MIN_UTC, set.into())], is_fixed: true }
    }

    /// Computes the key set of each period between two times of these keys. The keys must be in the order of signing.
    pub fn new(members: &[Member]) -> Self {
        let times_of = |record: &SigningKeyRecord| [Some(record.sign_time), record.retire_time, record.verify_until];
        let mut times: Vec<_> = members.iter().flat_map(|member| times_of(&member.record)).flatten().collect();
        times.push(DateTime::<Utc>::MIN_UTC);
        times.sort_unstable();
        times.dedup();
        let sets = times.into_iter().map(|time| (time, Arc::new(KeySet::from_members(members, time)))).collect();
        Self { sets, is_fixed: false }
    }

    /// Returns the time when the key that signs now began to sign; `None` for a secret, and without a key.
    fn signing_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let come = &self.sets[..self.sets.partition_point(|(from, _)| *from <= now)];
        let signs = |set: &KeySet| set.signing().map(|key| key.id().to_owned());
        let (_, current) = come.last()?;
        let id = signs(current)?;
        // The first set has no beginning: its key may sign only later.
        let begun = come.iter().rev().filter(|(from, _)| *from > DateTime::<Utc>::MIN_UTC);
        begun.take_while(|(_, set)| signs(set).as_deref() == Some(id.as_str())).last().map(|(from, _)| *from)
    }

    fn at(&self, now: DateTime<Utc>) -> Arc<KeySet> {
        let come = self.sets.partition_point(|(from, _)| *from <= now);
        come.checked_sub(1).and_then(|last| self.sets.get(last)).map_or_else(Arc::default, |(_, set)| Arc::clone(set))
    }
}

impl CurrentKeys {
    /// Creates the value with this timetable.
    pub fn new(timetable: Timetable) -> Self {
        Self(RwLock::new(timetable))
    }

    /// Returns the set that is valid at this time.
    pub fn at(&self, now: DateTime<Utc>) -> Arc<KeySet> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).at(now)
    }

    /// Returns the time when the key that signs now began to sign; `None` for a secret, and without a key.
    pub fn signing_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).signing_since(now)
    }

    /// Returns true if the set never changes, because it is a secret from the settings.
    pub fn are_fixed(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_fixed
    }

    /// Replaces the timetable.
    pub fn replace(&self, timetable: Timetable) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = timetable;
    }
}
