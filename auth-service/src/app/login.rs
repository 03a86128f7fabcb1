//! A login, also where it is part of another call: one look-up, one hash, one answer (C51).

use uuid::Uuid;

use super::accounts::PasswordPurpose;
use super::quotas::Quota;
use super::refresh::AUDIT;
use super::{App, SessionTokens};
use crate::domain::{Client, Email, Password, User};
use crate::error::Error;

/// Sessions that one login ends at most.
const MAX_ENDED: usize = 4;

/// Logs a user in by email and password; the first access token is for these audiences.
pub(crate) async fn login(
    app: &App,
    client: &Client,
    (email, password): (&Email, Password),
    audiences: &[String],
) -> Result<(User, SessionTokens), Error> {
    app.quotas.check(Quota::Logins, &client.peer, app.clock.earliest())?;
    let user = app.attempts.check(PasswordPurpose::Login(email.key()), client, password).await?;
    app.quotas.count(Quota::Logins, &client.peer, app.clock.earliest());
    let tokens = begin(app, &user, client, audiences).await?;
    Ok((user, tokens))
}

/// Begins a session of a user whose password has been checked; its first access token is for these audiences.
pub(super) async fn begin(
    app: &App,
    user: &User,
    client: &Client,
    audiences: &[String],
) -> Result<SessionTokens, Error> {
    let (session, refresh) = app.issuing.new_session(user.id, user.generation);
    let tokens = app.issuing.tokens(user, (&session, &refresh), audiences)?;
    // A password change or the end of all sessions that came meanwhile has ended this one, too.
    if !app.store.create_session(&session, client).await? {
        return Err(Error::InvalidCredentials);
    }
    if let Err(error) = end_surplus(app, user.id).await {
        // The login stands, and the next one ends what this one could not.
        tracing::warn!(%error, user = %user.id, "surplus sessions not ended");
    }
    Ok(tokens)
}

/// Ends the sessions that a user has beyond the quota, those first that were used the longest time ago. A login takes few: if
/// the quota was lowered, later logins take the rest.
async fn end_surplus(app: &App, user: Uuid) -> Result<(), Error> {
    let Some(most) = app.quotas.user_sessions else { return Ok(()) };
    for _ in 0..MAX_ENDED {
        let Some(id) = app.store.surplus_session(user, most, app.clock.now()).await? else { break };
        let ended = app.store.revoke_session(id, Some(user), app.revoker.stamp()).await?;
        app.revoker.take_effect(ended).await?;
        tracing::info!(target: AUDIT, event = "session_surplus", session = %id, %user);
    }
    Ok(())
}
