//! Reads access tokens again: the form, the signature, the claims and the times, in this order (C1–C21).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::issue::ACCESS_TOKEN;
use super::{Claims, KeySet, jws};

/// How far ahead the clock of the replica that issued a token may be, in seconds (C12).
const LEEWAY: i64 = 5;

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
        if opened.header.typ.as_deref() != Some(ACCESS_TOKEN) {
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
