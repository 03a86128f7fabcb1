//! Verification of access tokens: form, signature, claims and times, in this order (C1–C21).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kit::Clock;

use super::issue::ACCESS_TOKEN;
use super::jws::Unsigned;
use super::{Claims, TokenFault, jws};
use crate::domain::Audiences;
use crate::keys::model::{Algorithm, CurrentKeys, object};

/// Default for the tolerated lead of the issuing replica's clock (C12).
pub(super) const LEEWAY: TimeDelta = TimeDelta::seconds(5);

/// Largest age of a token, in seconds, at which the view may lack the token's key. It is the sum of a minute of clock
/// skew, half a second of view age, and a second of rounding.
pub(crate) const NEW_SECONDS: i64 = 62;

/// Longest key id, in bytes (C4).
const MAX_KEY_ID: usize = 64;

/// Verifier of the tokens that this service issues.
pub struct Verifier {
    keys: Arc<CurrentKeys>,
    issuer: String,
    audiences: Audiences,
    max_lifetime: Duration,
    leeway: TimeDelta,
    /// Clock that knows its difference from other replicas.
    clock: Option<Clock>,
}

/// Verified access token: a key of the set has signed its claims. Only [`Verifier::verify`] makes one. Other code can
/// read a token,
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

impl VerifiedToken {
    /// Returns the claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the id of the key that signed the token.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Checks that the token is already valid and not expired (C11, C12). The times must be checked at each use, the
    /// signature only once.
    ///
    /// `latest` is the latest accepted issue time: `now` plus the clock skew.
    ///
    /// # Errors
    /// [`TokenFault::Expired`] after the token's lifetime, [`TokenFault::Invalid`] before it.
    pub fn is_live_at(&self, now: DateTime<Utc>, latest: DateTime<Utc>) -> Result<(), TokenFault> {
        self.claims.are_live_at(now, latest)
    }
}

impl Verifier {
    /// Accepts tokens of `issuer` for any of these audiences, with a lifetime of at most `max_lifetime`.
    pub fn new(keys: Arc<CurrentKeys>, issuer: String, audiences: Audiences, max_lifetime: Duration) -> Self {
        Self { keys, issuer, audiences, max_lifetime, leeway: LEEWAY, clock: None }
    }

    /// Accepts issue times up to `leeway` after the later of this clock's time and the database server's.
    #[must_use]
    pub fn with_leeway(self, leeway: TimeDelta, clock: Clock) -> Self {
        Self { leeway, clock: Some(clock), ..self }
    }

    /// Returns the latest accepted issue time: another replica's clock may be ahead.
    pub(super) fn latest(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.clock.as_ref().map_or(now, |clock| clock.latest().max(now)) + self.leeway
    }

    /// Returns the token if it is a live access token of this issuer. The state of its session is not checked here.
    ///
    /// # Errors
    /// [`TokenFault::Expired`] only for a token that this service signed.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<VerifiedToken, TokenFault> {
        let token = self.open(token, now).ok_or(TokenFault::Invalid)?;
        token.is_live_at(now, self.latest(now))?;
        Ok(token)
    }

    /// Returns true if the set has this key.
    pub(super) fn has_key(&self, id: &str, now: DateTime<Utc>) -> bool {
        self.keys.at(now).find(id).is_some()
    }

    /// Returns the id of the token's key if the key is unknown and the token may be valid with it: another replica may
    /// have created the key a moment ago. The conditions keep forged tokens from causing polls of the database that
    /// cannot change the answer:
    ///
    /// - everything but the signature's value must be valid, including the claims and the times;
    /// - the token must be at most a minute old by its issue time. The view is at most half a second old, so it has the
    ///   keys of all older tokens, even if the replicas' clocks are a minute apart;
    /// - the keys must come from the database, not from a secret in the settings.
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

    /// Returns the token if everything but its times is valid.
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

    /// Returns true if this service may have issued these claims.
    fn is_ours(&self, claims: &Claims) -> bool {
        claims.iss == self.issuer && self.audiences.issues(claims.aud.list()) && claims.have_lifetime(self.max_lifetime)
    }
}

/// Returns true if this can be the id of a key that signs access tokens (C4). Keys that only verify may have other ids.
pub(super) fn is_key_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= MAX_KEY_ID && text.bytes().all(allowed)
}
