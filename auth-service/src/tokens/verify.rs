//! Reads access tokens again: the form, the signature, the claims and the times, in this order (C1–C21).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::issue::ACCESS_TOKEN;
use super::{Claims, KeySet, jws};

/// How far ahead the clock of the replica that issued a token may be, in seconds (C12).
const LEEWAY: i64 = 5;

/// The longest key id, in bytes (C4).
const MAX_KEY_ID: usize = 64;

/// Verifies the tokens that this service issues.
pub struct Verifier {
    keys: Arc<KeySet>,
    issuer: String,
    audience: String,
    max_lifetime: Duration,
}

/// Why a token says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Malformed, not ours, not for us, or not yet good.
    Invalid,
    /// Ours, and its lifetime is over.
    Expired,
}

impl Verifier {
    /// Takes tokens of `issuer` for `audience` that live for at most `max_lifetime`.
    pub fn new(keys: Arc<KeySet>, issuer: String, audience: String, max_lifetime: Duration) -> Self {
        Self { keys, issuer, audience, max_lifetime }
    }

    /// What the token says and the id of the key that signed it. Whether its session still lives is another question.
    ///
    /// # Errors
    /// [`TokenFault::Expired`] only for a token that this service signed.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<(Claims, String), TokenFault> {
        let opened = jws::open(token, &self.keys).ok_or(TokenFault::Invalid)?;
        if opened.header.typ.as_deref() != Some(ACCESS_TOKEN) || !opened.header.kid.as_deref().is_some_and(is_key_id) {
            return Err(TokenFault::Invalid);
        }
        let claims: Claims = jws::object(&opened.payload).ok_or(TokenFault::Invalid)?;
        if claims.iss != self.issuer || claims.aud != self.audience || !self.is_timely(&claims, now) {
            return Err(TokenFault::Invalid);
        }
        // The issuer's clock is this clock: no leeway at the end.
        if now.timestamp() >= claims.exp {
            return Err(TokenFault::Expired);
        }
        Ok((claims, opened.key.id().to_owned()))
    }

    /// Whether the times make sense together and the token is good already (C11, C12).
    fn is_timely(&self, claims: &Claims, now: DateTime<Utc>) -> bool {
        let latest = now.timestamp() + LEEWAY;
        let max_lifetime = i64::try_from(self.max_lifetime.as_secs()).unwrap_or(i64::MAX);
        let lifetime = claims.exp.checked_sub(claims.iat);
        claims.iat >= 0
            && claims.iat <= latest
            && claims.nbf <= latest
            && lifetime.is_some_and(|lifetime| (0..=max_lifetime).contains(&lifetime))
    }
}

/// Whether this can be the id of a key that signs access tokens (C4); keys that only verify may have other ids.
fn is_key_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= MAX_KEY_ID && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use kit::testing::start;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Roles, Session, User, UserState};
    use crate::tokens::{Issuer, Key};

    const DAY: Duration = Duration::from_hours(24);

    fn ed25519() -> Key {
        let folder = kit::testing::folder();
        Key::from_file(&folder.path().join("key.pem")).unwrap()
    }

    fn hs256() -> Key {
        Key::hs256(&"b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c".to_owned().into()).unwrap()
    }

    fn issue(keys: &Arc<KeySet>) -> String {
        let user = User {
            id: Uuid::from_u128(1),
            name: "Ada".into(),
            email: "ada@example.com".into(),
            roles: Roles::admin(),
            state: UserState::Active,
            generation: 3,
            revision: 1,
            create_time: start(),
            update_time: start(),
        };
        let session = Session {
            id: Uuid::from_u128(2),
            user_id: user.id,
            generation: 3,
            create_time: start(),
            expire_time: start() + Duration::from_mins(30),
        };
        let issuer = Issuer::new(Arc::clone(keys), "gatepost".into(), "gatepost".into(), DAY);
        issuer.access_token(&user, &session, Uuid::from_u128(3), start(), DateTime::UNIX_EPOCH).unwrap().token
    }

    #[test]
    fn c16_c17_every_flipped_bit_of_every_character_is_found() {
        for key in [ed25519(), hs256()] {
            let keys = Arc::new(KeySet::new(key));
            let verifier = Verifier::new(Arc::clone(&keys), "gatepost".into(), "gatepost".into(), DAY);
            let token = issue(&keys);
            let (claims, key_id) = verifier.verify(&token, start()).unwrap();
            assert_eq!((claims.generation, key_id.as_str()), (3, keys.signing().id()));
            for bit in 0..token.len() * 8 {
                let mut bytes = token.clone().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let Ok(flipped) = String::from_utf8(bytes) else { continue };
                assert_eq!(verifier.verify(&flipped, start()), Err(TokenFault::Invalid), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_token_ends_with_its_session_at_the_latest() {
        let keys = Arc::new(KeySet::new(ed25519()));
        let verifier = Verifier::new(Arc::clone(&keys), "gatepost".into(), "gatepost".into(), DAY);
        let token = issue(&keys);
        let end = start() + Duration::from_mins(30);
        assert!(verifier.verify(&token, end - Duration::from_secs(1)).is_ok());
        assert_eq!(verifier.verify(&token, end), Err(TokenFault::Expired));
    }

    #[test]
    fn c12_a_token_from_a_clock_that_runs_ahead_has_five_seconds() {
        let keys = Arc::new(KeySet::new(hs256()));
        let verifier = Verifier::new(Arc::clone(&keys), "gatepost".into(), "gatepost".into(), DAY);
        let token = issue(&keys);
        assert!(verifier.verify(&token, start() - Duration::from_secs(5)).is_ok());
        assert_eq!(verifier.verify(&token, start() - Duration::from_secs(6)), Err(TokenFault::Invalid));
    }
}
