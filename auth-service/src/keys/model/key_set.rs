//! The keys whose tokens are good, now and at the times to come.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

use super::{Algorithm, Key, PublicKey, VerifyingKey};
use crate::domain::{KeyState, SigningKeyRecord, signing_at};

/// The keys whose tokens are good: the one that signs, and any that only verify.
#[derive(Default)]
pub struct KeySet {
    signing: Option<Arc<Key>>,
    verifying: Vec<Arc<VerifyingKey>>,
    listed: Vec<PublicKey>,
}

/// A key pair of the set, with as much of it as is known here.
pub struct Member {
    /// What is known of it, its times above all.
    pub record: SigningKeyRecord,
    /// The whole key; `None` for one that signs no more, or that this process cannot open.
    pub key: Option<Arc<Key>>,
    /// What verifies its tokens.
    pub verifying: Arc<VerifyingKey>,
}

/// Which key set is in force when: known beforehand, so that no timer has to fire for a key to sign, or to end.
pub struct Timetable {
    sets: Vec<(DateTime<Utc>, Arc<KeySet>)>,
    /// The database holds no other keys.
    is_fixed: bool,
}

/// The timetable in force, which all calls share. It is replaced as a whole, so that whoever has taken a set works with one
/// to the end.
pub struct CurrentKeys(RwLock<Timetable>);

impl KeySet {
    /// The set of this one key.
    pub fn new(signing: impl Into<Arc<Key>>) -> Self {
        let signing = signing.into();
        let (verifying, listed) = (vec![Arc::clone(signing.verifying())], signing.public().into_iter().collect());
        Self { signing: Some(signing), verifying, listed }
    }

    /// Takes tokens of this key, too, without listing it. Of two keys with one id the earlier stays.
    #[must_use]
    pub fn with(mut self, key: impl Into<Arc<VerifyingKey>>) -> Self {
        self.verifying.push(key.into());
        self
    }

    /// What these keys are at this time: those whose tokens are not all dead, the one that signs listed first.
    fn at(members: &[Member], now: DateTime<Utc>) -> Self {
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

    /// The key that signs new tokens, if this process has it.
    pub fn signing(&self) -> Option<&Key> {
        self.signing.as_deref()
    }

    /// The key with exactly this id, looked up in memory (C4).
    pub fn find(&self, id: &str) -> Option<&VerifyingKey> {
        self.verifying.iter().map(AsRef::as_ref).find(|key| key.id() == id)
    }

    /// The key, if there is but one: without an id a choice among several would be a guess.
    pub(crate) fn only(&self) -> Option<&VerifyingKey> {
        match self.verifying.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The ids of all keys whose tokens are good.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.verifying.iter().map(|key| key.id())
    }

    /// Returns each key's id with its algorithm.
    pub fn names(&self) -> impl Iterator<Item = (&str, Algorithm)> {
        self.verifying.iter().map(|key| (key.id(), key.algorithm()))
    }

    /// The public keys, the signing one first; a symmetric one has no public half.
    pub fn public(&self) -> &[PublicKey] {
        &self.listed
    }
}

impl Timetable {
    /// One set for all time.
    pub fn always(set: impl Into<Arc<KeySet>>) -> Self {
        Self { sets: vec![(DateTime::<Utc>::MIN_UTC, set.into())], is_fixed: true }
    }

    /// The sets that these keys are, in the order in which they sign, from one of their times to the next.
    pub fn new(members: &[Member]) -> Self {
        let times_of = |record: &SigningKeyRecord| [Some(record.sign_time), record.retire_time, record.verify_until];
        let mut times: Vec<_> = members.iter().flat_map(|member| times_of(&member.record)).flatten().collect();
        times.push(DateTime::<Utc>::MIN_UTC);
        times.sort_unstable();
        times.dedup();
        let sets = times.into_iter().map(|time| (time, Arc::new(KeySet::at(members, time)))).collect();
        Self { sets, is_fixed: false }
    }

    fn at(&self, now: DateTime<Utc>) -> Arc<KeySet> {
        let come = self.sets.partition_point(|(from, _)| *from <= now);
        come.checked_sub(1).and_then(|last| self.sets.get(last)).map_or_else(Arc::default, |(_, set)| Arc::clone(set))
    }
}

impl CurrentKeys {
    /// This timetable is in force first.
    pub fn new(timetable: Timetable) -> Self {
        Self(RwLock::new(timetable))
    }

    /// The set that is in force at this time.
    pub fn at(&self, now: DateTime<Utc>) -> Arc<KeySet> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).at(now)
    }

    /// Tells whether no other key can come: the set is a secret of the settings.
    pub fn are_fixed(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_fixed
    }

    /// Puts another timetable in its place.
    pub fn replace(&self, timetable: Timetable) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = timetable;
    }
}
