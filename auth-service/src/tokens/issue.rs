//! Issue of access tokens.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::jws::{self, SignError};
use super::{Audience, Claims};
use crate::domain::{Horizon, SessionId, TokenId, User};
use crate::keys::model::CurrentKeys;

/// Media type of an access token (RFC 9068 §2.1).
pub(super) const ACCESS_TOKEN: &str = "at+jwt";

/// Issuer of access tokens, which signs with the set's signing key.
pub struct Issuer {
    keys: Arc<CurrentKeys>,
    name: String,
    lifetime: Duration,
}

/// Session of a token, and the services that it is for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Session of the token.
    pub session: SessionId,
    /// End of the session.
    pub end: DateTime<Utc>,
    /// Services that accept the token.
    pub audiences: &'a [String],
}

/// Signed token and its expiry time.
pub struct Issued {
    /// Token.
    pub token: String,
    /// Expiry time, in whole seconds.
    pub expire_time: DateTime<Utc>,
}

impl Issuer {
    /// Makes an issuer with this name, for tokens of this lifetime.
    pub fn new(keys: Arc<CurrentKeys>, issuer: String, lifetime: Duration) -> Self {
        Self { keys, name: issuer, lifetime }
    }

    /// Returns the issuer's name, the `iss` of its tokens.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Issues a token of this session, which ends at `now` + lifetime or with the session, whichever is first.
    ///
    /// The token's issue time is after the `horizon`, and its id carries the horizon's era: other tokens would be
    /// refused.
    ///
    /// # Errors
    /// [`SignError::NoKey`] if this process cannot open the current signing key; any other is a bug.
    pub fn access_token(
        &self,
        user: &User,
        scope: Scope<'_>,
        id: TokenId,
        now: DateTime<Utc>,
        horizon: Horizon,
    ) -> Result<Issued, SignError> {
        let expire_time = (now + self.lifetime).min(scope.end);
        let claims = Claims {
            iss: self.name.clone(),
            aud: Audience::new(scope.audiences),
            sub: user.id,
            sid: scope.session,
            generation: user.generation,
            jti: horizon.era.put_into(id),
            iat: now.timestamp().max(horizon.until.timestamp() + 1),
            nbf: now.timestamp(),
            exp: expire_time.timestamp(),
            roles: user.roles.words().into_iter().map(str::to_owned).collect(),
        };
        let keys = self.keys.at(now);
        let token = jws::sign(keys.signing().ok_or(SignError::NoKey)?, ACCESS_TOKEN, &claims)?;
        Ok(Issued { token, expire_time: DateTime::from_timestamp(claims.exp, 0).unwrap_or(expire_time) })
    }
}
