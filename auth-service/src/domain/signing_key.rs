//! Signing keys of access tokens. A key's state follows from its times.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Public half and times of a key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// Place in the order in which keys sign, from 1.
    pub number: i32,
    /// Id of the key, the `kid` of its tokens.
    pub id: String,
    /// JOSE name of the algorithm.
    pub algorithm: String,
    /// Public half as a JWK.
    pub public_jwk: String,
    /// Creation time.
    pub create_time: DateTime<Utc>,
    /// Time from which the key signs.
    pub sign_time: DateTime<Utc>,
    /// Time from which the next key signs instead.
    pub retire_time: Option<DateTime<Utc>>,
    /// Time from which all tokens of the key are dead.
    pub verify_until: Option<DateTime<Utc>>,
}

/// Longest times in the life of a key.
#[derive(Clone, Copy, Debug)]
pub struct KeySpans {
    /// Time for which a key is listed before it signs.
    pub lead: Duration,
    /// Time for which a key verifies after the next one has begun to sign.
    pub kept: Duration,
}

/// State of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Listed; signs later.
    Next,
    /// Signs.
    Signing,
    /// No longer signs; its tokens are still valid.
    Retired,
    /// All its tokens are dead.
    Over,
}

impl SigningKeyRecord {
    /// Returns the state at this time.
    pub fn state_at(&self, now: DateTime<Utc>) -> KeyState {
        if self.verify_until.is_some_and(|until| until <= now) {
            KeyState::Over
        } else if self.retire_time.is_some_and(|retired| retired <= now) {
            KeyState::Retired
        } else if self.sign_time <= now {
            KeyState::Signing
        } else {
            KeyState::Next
        }
    }
}

/// Returns the key that signs at this time: in the order of signing, the last key whose time has come. If no
/// key's time has come, because the clock is behind or the previous key is gone, returns the first future key.
pub fn signing_at(keys: &[SigningKeyRecord], now: DateTime<Utc>) -> Option<&SigningKeyRecord> {
    let come = keys.iter().rev().find(|key| key.sign_time <= now);
    come.filter(|key| key.state_at(now) == KeyState::Signing).or_else(|| keys.iter().find(|key| key.sign_time > now))
}

/// Returns the keys with the times that a right clock would have written.
///
/// A key with a creation time after `future` gets the creation time `now`, and its start of signing moves by the same
/// difference. No key waits longer than the lead. The previous key signs until then.
pub fn corrected_times(
    keys: &[SigningKeyRecord],
    now: DateTime<Utc>,
    future: DateTime<Utc>,
    KeySpans { lead, kept }: KeySpans,
) -> Vec<SigningKeyRecord> {
    let mut keys = keys.to_vec();
    for index in 0..keys.len() {
        let key = &mut keys[index];
        let ahead = if key.create_time > future { key.create_time - now } else { chrono::TimeDelta::zero() };
        let latest = future + lead;
        let sign_time = (key.sign_time - ahead).min(if key.sign_time > latest { now + lead } else { latest });
        (key.create_time, key.sign_time) = (key.create_time - ahead, sign_time);
        if let Some(before) = index.checked_sub(1).and_then(|before| keys.get_mut(before))
            && before.retire_time.is_some_and(|retired| retired > sign_time)
        {
            (before.retire_time, before.verify_until) = (Some(sign_time), Some(sign_time + kept));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn key(number: i32, sign: u64, retire: Option<u64>) -> SigningKeyRecord {
        SigningKeyRecord {
            number,
            id: format!("key-{number}"),
            algorithm: "EdDSA".into(),
            public_jwk: "{}".into(),
            create_time: at(0),
            sign_time: at(sign),
            retire_time: retire.map(at),
            verify_until: retire.map(|retire| at(retire + 10)),
        }
    }

    #[test]
    fn key_changes_state_at_its_times() {
        use KeyState::{Next, Over, Retired, Signing};
        let states = |key: &SigningKeyRecord| [9, 10, 19, 20, 29, 30].map(|second| key.state_at(at(second)));
        assert_eq!(states(&key(1, 10, None)), [Next, Signing, Signing, Signing, Signing, Signing]);
        assert_eq!(states(&key(1, 10, Some(20))), [Next, Signing, Signing, Retired, Retired, Over]);
    }

    #[test]
    fn one_key_signs_even_after_a_key_is_removed() {
        let all = [key(1, 10, Some(20)), key(2, 20, Some(30)), key(3, 30, None)];
        let number = |keys: &[SigningKeyRecord], second| signing_at(keys, at(second)).map(|key| key.number);
        assert_eq!(
            [0, 9, 10, 19, 20, 29, 30, 99].map(|second| number(&all, second)),
            [1, 1, 1, 1, 2, 2, 3, 3].map(Some)
        );
        let without_second = [all[0].clone(), all[2].clone()];
        assert_eq!([19, 20, 30].map(|second| number(&without_second, second)), [1, 3, 3].map(Some));
        assert_eq!(number(&all[1..], 15), Some(2), "the first key was retired early");
        assert_eq!(number(&[], 15), None);
        assert_eq!(number(&all[..1], 20), None, "no successor");
    }

    #[test]
    fn times_of_a_fast_clock_are_corrected() {
        let spans = KeySpans { lead: Duration::from_mins(1), kept: Duration::from_secs(10) };
        let right = [key(1, 10, Some(20)), key(2, 20, None)];
        assert_eq!(corrected_times(&right, at(12), at(17), spans), right, "a waiting key is correct");
        let ahead =
            |number, made, sign, retire| SigningKeyRecord { create_time: at(made), ..key(number, sign, retire) };
        let wrong = [key(1, 10, Some(1_020)), ahead(2, 1_012, 1_020, None)];
        let repaired = [key(1, 10, Some(20)), ahead(2, 12, 20, None)];
        assert_eq!(corrected_times(&wrong, at(12), at(17), spans), repaired);
        assert_eq!(corrected_times(&repaired, at(12), at(17), spans), repaired, "a second repair changes nothing");
        let first = [ahead(1, 1_012, 1_012, None)];
        assert_eq!(corrected_times(&first, at(12), at(17), spans), [ahead(1, 12, 12, None)]);
        let far = [key(1, 10, Some(1_020)), key(2, 1_020, None)];
        let waits = [key(1, 10, Some(72)), key(2, 72, None)];
        let repaired: Vec<_> =
            corrected_times(&far, at(12), at(17), spans).iter().map(|key| (key.sign_time, key.retire_time)).collect();
        assert_eq!(
            repaired,
            waits.map(|key| (key.sign_time, key.retire_time)),
            "no key waits longer than the longest lead"
        );
    }
}
