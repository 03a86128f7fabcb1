//! Reads access tokens again: the form, the signature, the claims and the times, in this order (C1–C21).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kit::Clock;

use super::issue::ACCESS_TOKEN;
use super::jws::Unsigned;
use super::{Claims, jws};
use crate::domain::Audiences;
use crate::keys::model::{Algorithm, CurrentKeys, object};

/// The most by which the clock of the issuing replica may be ahead, where no setting says so (C12).
const LEEWAY: TimeDelta = TimeDelta::seconds(5);

/// Seconds for which a token is so new that the view may not have its key yet: the minute by which the clocks of replicas
/// may be apart, the half second that a view may be old, and the second to which times are cut.
pub(crate) const NEW_SECONDS: i64 = 62;

/// The longest key id, in bytes (C4).
const MAX_KEY_ID: usize = 64;

/// Verifies the tokens that this service issues.
pub struct Verifier {
    keys: Arc<CurrentKeys>,
    issuer: String,
    audiences: Audiences,
    max_lifetime: Duration,
    leeway: TimeDelta,
    /// Tells how far ahead another replica's time may be.
    clock: Option<Clock>,
}

/// An access token that has been verified: what it says was signed by a key of the set. Only [`Verifier::verify`] makes
/// one: others can read it,
///
/// ```
/// # use auth_service::tokens::{Claims, VerifiedToken};
/// fn read(token: &VerifiedToken) -> &Claims {
///     token.claims()
/// }
/// ```
///
/// and can neither write nor change nor parse one.
///
/// ```compile_fail,E0451
/// # use auth_service::tokens::{Claims, VerifiedToken};
/// fn written(claims: Claims) -> VerifiedToken {
///     VerifiedToken { claims, key_id: String::new() }
/// }
/// ```
///
/// ```compile_fail,E0616
/// # use auth_service::tokens::VerifiedToken;
/// fn changed(mut token: VerifiedToken) -> VerifiedToken {
///     token.claims.exp = i64::MAX;
///     token
/// }
/// ```
///
/// ```compile_fail,E0277
/// # use auth_service::tokens::VerifiedToken;
/// fn parsed(json: &str) -> VerifiedToken {
///     serde_json::from_str(json).unwrap()
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    claims: Claims,
    key_id: String,
}

/// Why a token says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Malformed, not ours, not for us, or not yet good.
    Invalid,
    /// Ours, and its lifetime is over.
    Expired,
}

impl VerifiedToken {
    /// What it says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The id of the key that signed it.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether it is good already and not yet over (C11, C12). Its signature need not be looked at again, its times must
    /// be at each use. It may have been issued until `latest`, which is later than `now` by what clocks may differ.
    ///
    /// # Errors
    /// [`TokenFault::Expired`] when its lifetime is over, and before its time [`TokenFault::Invalid`].
    pub fn is_live_at(&self, now: DateTime<Utc>, latest: DateTime<Utc>) -> Result<(), TokenFault> {
        let latest = latest.timestamp();
        if self.claims.iat > latest || self.claims.nbf > latest {
            return Err(TokenFault::Invalid);
        }
        // The issuer's clock is this clock: no leeway at the end.
        if now.timestamp() >= self.claims.exp {
            return Err(TokenFault::Expired);
        }
        Ok(())
    }
}

impl Verifier {
    /// Takes tokens of `issuer` for any of these audiences that live for at most `max_lifetime`.
    pub fn new(keys: Arc<CurrentKeys>, issuer: String, audiences: Audiences, max_lifetime: Duration) -> Self {
        Self { keys, issuer, audiences, max_lifetime, leeway: LEEWAY, clock: None }
    }

    /// Takes tokens that were issued so far ahead of this clock, or of what it is compared with.
    #[must_use]
    pub fn with_leeway(self, leeway: TimeDelta, clock: Clock) -> Self {
        Self { leeway, clock: Some(clock), ..self }
    }

    /// Returns the latest time at which another replica may have issued a token by now.
    pub(super) fn latest(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.clock.as_ref().map_or(now, |clock| clock.latest().max(now)) + self.leeway
    }

    /// The token, when it is an access token of ours that is live. Whether its session still lives is another question.
    ///
    /// # Errors
    /// [`TokenFault::Expired`] only for a token that this service signed.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<VerifiedToken, TokenFault> {
        let token = self.open(token, now).ok_or(TokenFault::Invalid)?;
        token.is_live_at(now, self.latest(now))?;
        Ok(token)
    }

    /// Whether the set has this key.
    pub(super) fn has_key(&self, id: &str, now: DateTime<Utc>) -> bool {
        self.keys.at(now).find(id).is_some()
    }

    /// Returns the key that may make a good token of one that is not: another replica may have made the key a moment ago.
    /// Returns `None` where no look at the database can change the answer, as anybody can write such tokens:
    ///
    /// - all but the signature's value must be right, the claims and the times included;
    /// - the token must say that it was issued within the last minute. The view is half a second old at most, and a key
    ///   that has signed earlier is in it, although the replicas' clocks may be a minute apart;
    /// - the keys must be those of the database.
    pub fn lacks_key(&self, token: &str, now: DateTime<Utc>) -> Option<String> {
        let Unsigned { header, payload, signature } = jws::unsigned(token).filter(|_| !self.keys.are_fixed())?;
        let can_be_signed =
            header.typ.as_deref() == Some(ACCESS_TOKEN) && Algorithm::can_write(&header.alg, &signature);
        let key_id = header.kid.filter(|id| can_be_signed && is_key_id(id) && !id.is_empty())?;
        let unsigned = VerifiedToken { claims: object(&payload)?, key_id };
        let VerifiedToken { claims, key_id } = &unsigned;
        let is_new = now.timestamp() - claims.iat <= NEW_SECONDS;
        let is_live = unsigned.is_live_at(now, self.latest(now)).is_ok();
        let may_be_good = is_new && self.is_ours(claims) && is_live && !self.has_key(key_id, now);
        may_be_good.then(|| key_id.clone())
    }

    /// The token, when everything but the hour is right.
    fn open(&self, token: &str, now: DateTime<Utc>) -> Option<VerifiedToken> {
        let keys = self.keys.at(now);
        let opened = jws::open(token, &keys)?;
        let is_access_token = opened.header.typ.as_deref() == Some(ACCESS_TOKEN);
        let names_key = opened.header.kid.as_deref().is_some_and(is_key_id);
        if !is_access_token || !names_key || !opened.key.algorithm().is_canonical(&opened.signature) {
            return None;
        }
        let claims: Claims = object(&opened.payload)?;
        self.is_ours(&claims).then(|| VerifiedToken { claims, key_id: opened.key.id().to_owned() })
    }

    /// Tells whether the claims are such as this service writes.
    fn is_ours(&self, claims: &Claims) -> bool {
        claims.iss == self.issuer && self.audiences.issues(claims.aud.list()) && self.has_lifetime(claims)
    }

    /// Whether the times make sense together (C11).
    fn has_lifetime(&self, claims: &Claims) -> bool {
        let max_lifetime = i64::try_from(self.max_lifetime.as_secs()).unwrap_or(i64::MAX);
        let lifetime = claims.exp.checked_sub(claims.iat);
        claims.iat >= 0 && lifetime.is_some_and(|lifetime| (0..=max_lifetime).contains(&lifetime))
    }
}

/// Whether this can be the id of a key that signs access tokens (C4); keys that only verify may have other ids.
fn is_key_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= MAX_KEY_ID && text.bytes().all(allowed)
}
