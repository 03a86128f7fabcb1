//! A login, also where it is part of another call: one look-up, one hash, one answer (C51).

use gatepost::api::auth::v1::TokenPair;
use uuid::Uuid;

use super::accounts::Tried;
use super::attempts::Attempt;
use super::refresh::AUDIT;
use super::state::State;
use crate::convert;
use crate::domain::{Client, Password, User};
use crate::error::Error;

/// Sessions that one login ends at most.
const MAX_ENDED: usize = 4;

/// Returns the user whose password this is, unless the account or the caller's address must wait.
pub(crate) async fn check(state: &State, tried: Tried<'_>, client: &Client, password: Password) -> Result<User, Error> {
    Attempt::begin(state, tried, client).await?.judge(password).await
}

/// Begins a session of a user whose password has been checked; its first access token is for these audiences.
pub(crate) async fn begin(
    state: &State,
    user: &User,
    client: &Client,
    audiences: &[String],
) -> Result<TokenPair, Error> {
    let (session, refresh) = state.new_session(user.id, user.generation);
    let tokens = state.tokens(user, (&session, &refresh), audiences)?;
    // Whoever has changed the password or ended all sessions meanwhile has ended this one, too.
    if !state.store.create_session(&session, client).await? {
        return Err(Error::InvalidCredentials);
    }
    if let Err(error) = end_surplus(state, user.id).await {
        // The login stands, and the next one ends what this one could not.
        tracing::warn!(%error, user = %user.id, "surplus sessions not ended");
    }
    Ok(convert::tokens(tokens))
}

/// Ends the sessions that a user has beyond the quota, those first that were used the longest time ago. A login takes few: if
/// the quota was lowered, later logins take the rest.
async fn end_surplus(state: &State, user: Uuid) -> Result<(), Error> {
    let Some(most) = state.quotas.user_sessions else { return Ok(()) };
    for _ in 0..MAX_ENDED {
        let Some(id) = state.store.surplus_session(user, most, state.clock.now()).await? else { break };
        let ended = state.store.revoke_session(id, Some(user), state.stamp()).await?;
        state.revoked(ended).await?;
        tracing::info!(target: AUDIT, event = "session_surplus", session = %id, %user);
    }
    Ok(())
}
