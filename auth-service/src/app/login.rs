//! Logs users in: one lookup, one hash and the same answer for each failure (C51). Registration uses it, too.

use super::accounts::PasswordPurpose;
use super::quotas::Quota;
use super::{App, SessionTokens};
use crate::domain::{Actor, AuditContext, AuditKind, Email, Password, User, UserId};
use crate::error::AuthError;

/// Largest number of sessions that one login ends.
const MAX_ENDED: usize = 4;

/// Logs a user in by email and password. The first access token is for these audiences.
pub(crate) async fn login(
    app: &App,
    context: &AuditContext,
    email: &Email,
    password: Password,
    audiences: &[String],
) -> Result<(User, SessionTokens), AuthError> {
    let quota = app.quotas.check(Quota::Logins, &context.client.peer, app.clock.earliest());
    app.attempts.refusals.pace(quota).await?;
    let user = app.attempts.check(PasswordPurpose::Login(email.key()), context, password).await?;
    app.quotas.count(Quota::Logins, &context.client.peer, app.clock.earliest());
    let tokens = begin(app, &user, context, audiences).await?;
    Ok((user, tokens))
}

/// Creates a session for a user who has proved the password. Its first access token is for these audiences.
pub(super) async fn begin(
    app: &App,
    user: &User,
    context: &AuditContext,
    audiences: &[String],
) -> Result<SessionTokens, AuthError> {
    let begun = app.issuing.new_session(user.id, user.generation);
    let tokens = app.issuing.tokens(user, &begun, audiences)?;
    // No session is created if a password change or a revocation of all sessions ran at the same time.
    let event = app.audit.event(AuditKind::LoginSucceeded, context).by_user(user.id).session(begun.session.id);
    if !app.store.create_session(&begun.session, &context.client, &event).await? {
        let event = app.audit.event(AuditKind::LoginFailed, context).about_user(user.id).with("reason", "ended");
        app.store.record_audit_event(&event).await?;
        return Err(AuthError::InvalidCredentials);
    }
    if let Err(error) = end_surplus(app, user.id).await {
        // The login succeeds; the next login ends the remaining sessions.
        tracing::warn!(%error, user = %user.id, "surplus sessions not ended");
    }
    Ok(tokens)
}

/// Ends sessions beyond the user's quota, the least recently used first. One login ends only a few; after the quota was
/// lowered, later logins end the rest.
async fn end_surplus(app: &App, user: UserId) -> Result<(), AuthError> {
    let Some(most) = app.quotas.user_sessions else { return Ok(()) };
    for _ in 0..MAX_ENDED {
        let Some(id) = app.store.surplus_session(user, most, app.clock.now()).await? else { break };
        let event = app.audit.event(AuditKind::SessionRevoked, Actor::System).session(id).with("reason", "surplus");
        let ended = app.store.revoke_session(id, Some(user), app.revoker.stamp(), &event).await?;
        app.revoker.take_effect(ended).await?;
    }
    Ok(())
}
