//! Exchanges a refresh token for the next tokens of its session.

use chrono::{DateTime, Utc};

use super::quotas::Quota;
use super::{App, SessionTokens};
use crate::domain::{AuditContext, AuditKind, Decision, Rotation, SessionId};
use crate::error::AuthError;
use crate::store::{Refreshable, Rotated};
use crate::tokens::{RefreshToken, Scope};

/// Returns the next tokens of the session to which this refresh token belongs. The access token is for these audiences.
pub(crate) async fn refresh(
    app: &App,
    context: &AuditContext,
    token: &str,
    audiences: &[String],
) -> Result<SessionTokens, AuthError> {
    let client = &context.client;
    app.quotas.check(Quota::BadRefreshes, &client.peer, app.clock.earliest())?;
    let refreshed = next(app, token, context, audiences).await;
    if let Err(AuthError::RefreshTokenInvalid) = refreshed {
        app.quotas.count(Quota::BadRefreshes, &client.peer, app.clock.earliest());
        if let Some(line) = app.refused_refreshes.allow() {
            tracing::info!(target: AUDIT, event = "refresh_refused", peer = client.peer, left_out = line.left_out());
        }
    }
    refreshed
}

async fn next(app: &App, text: &str, context: &AuditContext, audiences: &[String]) -> Result<SessionTokens, AuthError> {
    let presented = RefreshToken::parse(text).ok_or(AuthError::RefreshTokenInvalid)?;
    loop {
        let now = app.clock.now();
        let found = app.store.refreshable(presented.session()).await?.ok_or(AuthError::RefreshTokenInvalid)?;
        // An unknown secret does not end the session, since a guesser must not be able to end sessions.
        let index = presented.position(&found.rotation.digests).ok_or(AuthError::RefreshTokenInvalid)?;
        if found.is_ended || now >= found.expire_time {
            return Err(AuthError::RefreshTokenInvalid);
        }
        let refresh = RefreshCall { app, presented: &presented, found: &found, context, audiences, now };
        let tokens = match app.grace.decide(index, &found.rotation, now) {
            _ if now >= found.idle_expire_time => return Err(AuthError::RefreshTokenInvalid),
            Decision::Rotate => refresh.rotate().await?,
            Decision::Concurrent => refresh.again(false).await?,
            Decision::Again { is_first } => {
                let tokens = refresh.again(true).await?;
                if is_first && tokens.is_some() {
                    refresh.audit_grace();
                }
                tokens
            }
            Decision::Reused => return Err(refresh.end().await?),
        };
        // Another call may have changed the session in between: read the session again.
        if let Some(tokens) = tokens {
            return Ok(tokens);
        }
    }
}

/// A call whose refresh token belongs to the session, with the stored state of the session.
struct RefreshCall<'a> {
    app: &'a App,
    presented: &'a RefreshToken,
    found: &'a Refreshable,
    context: &'a AuditContext,
    audiences: &'a [String],
    now: DateTime<Utc>,
}

impl RefreshCall<'_> {
    fn session(&self) -> SessionId {
        self.presented.session()
    }

    fn scope(&self) -> Scope<'_> {
        Scope { session: self.session(), end: self.found.expire_time, audiences: self.audiences }
    }

    /// Replaces the presented token with the next one. Returns `None` if another call has changed the session.
    async fn rotate(&self) -> Result<Option<SessionTokens>, AuthError> {
        let (app, rotation) = (self.app, &self.found.rotation);
        let salt = kit::random::bytes::<32>();
        let next = self.presented.successor(rotation.generation + 1, &salt);
        let expiry = app.issuing.lifetimes.expiry(self.now, self.found.expire_time);
        let access = app.issuing.access_token(&self.found.user, self.scope())?;
        let rotated = Rotated {
            salt: salt.to_vec(),
            digests: rotation.digests_with(next.digest()),
            graces: app.grace.rotated(rotation),
            time: self.now,
            idle_expire_time: expiry.idle,
            over_time: expiry.over,
        };
        let is_ours = app.store.rotate(self.session(), rotation.generation, &rotated, &self.context.client).await?;
        if is_ours {
            tracing::info!(target: AUDIT, event = "refresh", session = %self.session(), user = %self.found.user.id,
                peer = self.context.client.peer);
        }
        Ok(is_ours.then(|| SessionTokens { access, refresh: next.expose(), refresh_expire_time: expiry.idle }))
    }

    /// Returns the successor of the presented token again; `None` if the successor has been used or the session has
    /// ended. With `is_counted`, records that the last rotation needed the grace.
    async fn again(&self, is_counted: bool) -> Result<Option<SessionTokens>, AuthError> {
        let (app, rotation) = (self.app, &self.found.rotation);
        let Rotation { generation, salt, .. } = rotation;
        let next = self.presented.successor(*generation, salt);
        let access = app.issuing.access_token(&self.found.user, self.scope())?;
        let graces = if is_counted { app.grace.with_grace(rotation) } else { 0 };
        if !app.store.rotate_again(self.session(), *generation, graces, access.expire_time).await? {
            return Ok(None);
        }
        Ok(Some(SessionTokens { access, refresh: next.expose(), refresh_expire_time: self.found.idle_expire_time }))
    }

    fn audit_grace(&self) {
        tracing::info!(target: AUDIT, event = "refresh_grace", session = %self.session(), user = %self.found.user.id,
            peer = self.context.client.peer);
    }

    /// Ends the session of a reused token, since two parties may hold the token. Returns the error for the caller.
    async fn end(&self) -> Result<AuthError, AuthError> {
        let event = self.app.audit.event(AuditKind::RefreshTokenReused, self.context).session(self.session());
        let ended = self.app.store.revoke_session(self.session(), None, self.app.revoker.stamp(), &event).await?;
        self.app.revoker.take_effect(ended).await?;
        Ok(AuthError::RefreshTokenReused)
    }
}

/// Log target of security events. Refreshes get log lines, but no rows in the audit log, because a session has too many
/// refreshes.
const AUDIT: &str = "gatepost::audit";
