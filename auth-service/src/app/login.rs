//! Logs users in: one lookup, one hash and the same answer for each failure (C51). Registration uses it, too.

use super::accounts::PasswordPurpose;
use super::quotas::Quota;
use super::refresh::AUDIT;
use super::{App, SessionTokens};
use crate::domain::{Client, Email, Password, User, UserId};
use crate::error::AuthError;

/// Largest number of sessions that one login ends.
const MAX_ENDED: usize = 4;

/// Logs a user in by email and password. The first access token is for these audiences.
pub(crate) async fn login(
    app: &App,
    client: &Client,
    email: &Email,
    password: Password,
    audiences: &[String],
) -> Result<(User, SessionTokens), AuthError> {
    app.quotas.check(Quota::Logins, &client.peer, app.clock.earliest())?;
    let user = app.attempts.check(PasswordPurpose::Login(email.key()), client, password).await?;
    app.quotas.count(Quota::Logins, &client.peer, app.clock.earliest());
    let tokens = begin(app, &user, client, audiences).await?;
    Ok((user, tokens))
}

/// Creates a session for a user who has proved the password. Its first access token is for these audiences.
pub(super) async fn begin(
    app: &App,
    user: &User,
    client: &Client,
    audiences: &[String],
) -> Result<SessionTokens, AuthError> {
    let begun = app.issuing.new_session(user.id, user.generation);
    let tokens = app.issuing.tokens(user, &begun, audiences)?;
    // A password change or a revocation of all sessions ran at the same time, and ended this session too.
    if !app.store.create_session(&begun.session, client).await? {
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
        let ended = app.store.revoke_session(id, Some(user), app.revoker.stamp()).await?;
        app.revoker.take_effect(ended).await?;
        tracing::info!(target: AUDIT, event = "session_surplus", session = %id, %user);
    }
    Ok(())
}
