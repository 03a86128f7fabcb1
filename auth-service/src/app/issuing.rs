//! Creates sessions and issues their tokens.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kit::Clock;
use kit::ids::Ids;

use crate::domain::{Expiry, Lifetimes, Session, User, UserId};
use crate::error::AuthError;
use crate::keys::model::{CurrentKeys, KeySet};
use crate::tokens::{Issued, Issuer, RefreshToken, Scope, SignError};
use crate::view::{StaleView, View};

/// Parts that issue tokens.
pub(crate) struct Issuing {
    pub(crate) keys: Arc<CurrentKeys>,
    pub(crate) issuer: Issuer,
    pub(crate) view: Arc<View>,
    pub(crate) lifetimes: Lifetimes,
    /// Largest tolerated difference between clocks.
    pub(crate) leeway: TimeDelta,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
}

/// A session that is not stored yet, with its first refresh token.
pub(crate) struct NewSession {
    pub(crate) session: Session,
    refresh: RefreshToken,
}

/// Tokens of a session, in the form for its client.
pub(crate) struct SessionTokens {
    /// Access token with its times.
    pub(crate) access: Issued,
    /// Text of the refresh token.
    pub(crate) refresh: String,
    /// Expiry time of the refresh token.
    pub(crate) refresh_expire_time: DateTime<Utc>,
}

impl Issuing {
    /// Creates a session of this user that begins now, and its first refresh token. Stores nothing.
    pub(super) fn new_session(&self, user_id: UserId, generation: i32) -> NewSession {
        let (now, id) = (self.clock.now(), self.ids.next());
        let refresh = RefreshToken::first(id, kit::random::bytes());
        let expire_time = now + self.lifetimes.session;
        let Expiry { idle, over } = self.lifetimes.expiry(now, expire_time);
        let session = Session {
            id,
            user_id,
            generation,
            create_time: now,
            expire_time,
            refresh_digest: Some(refresh.digest()),
            idle_expire_time: idle,
            over_time: over,
        };
        NewSession { session, refresh }
    }

    /// Returns the current key set.
    pub(crate) fn keys_now(&self) -> Arc<KeySet> {
        self.keys.at(self.clock.now())
    }

    /// Fails if no token can be signed now. Calls that need a token check this before they write or hash. A killed key
    /// does not sign, although it stays in the set until this process knows another key.
    pub(super) fn check_signs(&self) -> Result<(), AuthError> {
        let is_good = self.keys_now().signing().is_some_and(|key| !self.view.has_killed(key.id()));
        if !is_good {
            return Err(SignError::NoKey.into());
        }
        // With a horizon in the future, every new token would be refused. The sweep repairs the horizon within a
        // second.
        let has_come = self.view.horizon().until < self.clock.latest() + self.leeway;
        if has_come { Ok(()) } else { Err(StaleView.into()) }
    }

    /// Issues an access token to this user.
    pub(super) fn access_token(&self, user: &User, scope: Scope<'_>) -> Result<Issued, AuthError> {
        self.check_signs()?;
        let (id, now) = (self.ids.next(), self.clock.now());
        Ok(self.issuer.access_token(user, scope, id, now, self.view.horizon())?)
    }

    /// Issues the first tokens of a session, for these audiences.
    pub(super) fn tokens(
        &self,
        user: &User,
        NewSession { session, refresh }: &NewSession,
        audiences: &[String],
    ) -> Result<SessionTokens, AuthError> {
        let access = self.access_token(user, Scope { session: session.id, end: session.expire_time, audiences })?;
        Ok(SessionTokens { access, refresh: refresh.expose(), refresh_expire_time: session.idle_expire_time })
    }
}
