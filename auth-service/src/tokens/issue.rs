//! Issues access tokens.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::jws::{self, SignError};
use super::{Audience, Claims};
use crate::domain::{Horizon, User};
use crate::keys::model::CurrentKeys;

/// The media type of an access token (RFC 9068 §2.1).
pub(super) const ACCESS_TOKEN: &str = "at+jwt";

/// Signs access tokens with the set's signing key.
pub struct Issuer {
    keys: Arc<CurrentKeys>,
    name: String,
    lifetime: Duration,
}

/// The session and the services that a token is good for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The session that it belongs to.
    pub session: Uuid,
    /// The end of the session.
    pub end: DateTime<Utc>,
    /// The services that it is for.
    pub audiences: &'a [String],
}

/// A signed token and its expiry time.
pub struct Issued {
    /// The token.
    pub token: String,
    /// When it expires, in whole seconds.
    pub expire_time: DateTime<Utc>,
}

impl Issuer {
    /// Signs as `issuer`, tokens of this lifetime.
    pub fn new(keys: Arc<CurrentKeys>, issuer: String, lifetime: Duration) -> Self {
        Self { keys, name: issuer, lifetime }
    }

    /// Whom tokens name as their issuer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A token of this session, which ends at `now` + lifetime or at the session's end, whichever is first. Tokens that were
    /// issued until the `horizon` are refused, so that this one says that it was issued after it, and in its era.
    ///
    /// # Errors
    /// [`SignError::NoKey`] when this process cannot open the key that signs now; any other is a fault of this program.
    pub fn access_token(
        &self,
        user: &User,
        scope: Scope<'_>,
        id: Uuid,
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
