//! Issues access tokens.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::jws::{self, SignError};
use super::{Claims, CurrentKeys};
use crate::domain::User;

/// The media type of an access token (RFC 9068 §2.1).
pub(super) const ACCESS_TOKEN: &str = "at+jwt";

/// Signs access tokens with the set's signing key.
pub struct Issuer {
    keys: Arc<CurrentKeys>,
    name: String,
    audience: String,
    lifetime: Duration,
}

/// A signed token and its expiry time.
pub struct Issued {
    /// The token.
    pub token: String,
    /// When it expires, in whole seconds.
    pub expire_time: DateTime<Utc>,
}

impl Issuer {
    /// Signs as `issuer` for `audience`, tokens of this lifetime.
    pub fn new(keys: Arc<CurrentKeys>, issuer: String, audience: String, lifetime: Duration) -> Self {
        Self { keys, name: issuer, audience, lifetime }
    }

    /// Whom tokens name as their issuer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A token of this session, which ends at `now` + lifetime or at the session's `end`, whichever is first. Tokens that were
    /// issued until the `horizon` are refused, so that this one says that it was issued after it.
    ///
    /// # Errors
    /// [`SignError::NoKey`] when this process cannot open the key that signs now; any other is a fault of this program.
    pub fn access_token(
        &self,
        user: &User,
        session: Uuid,
        end: DateTime<Utc>,
        id: Uuid,
        now: DateTime<Utc>,
        horizon: DateTime<Utc>,
    ) -> Result<Issued, SignError> {
        let expire_time = (now + self.lifetime).min(end);
        let claims = Claims {
            iss: self.name.clone(),
            aud: self.audience.clone(),
            sub: user.id,
            sid: session,
            generation: user.generation,
            jti: id,
            iat: now.timestamp().max(horizon.timestamp() + 1),
            nbf: now.timestamp(),
            exp: expire_time.timestamp(),
            roles: user.roles.words().into_iter().map(str::to_owned).collect(),
        };
        let keys = self.keys.at(now);
        let token = jws::sign(keys.signing().ok_or(SignError::NoKey)?, ACCESS_TOKEN, &claims)?;
        Ok(Issued { token, expire_time: DateTime::from_timestamp(claims.exp, 0).unwrap_or(expire_time) })
    }
}
