//! What a login does, also where it is part of something else: one look-up, one hash, one answer (C51).

use gatepost::api::auth::v1::TokenPair;

use super::attempts::{Attempt, Tried};
use crate::convert;
use crate::domain::{Client, Password, User, UserState};
use crate::error::Error;
use crate::state::State;
use crate::store::Credentials;

/// The user whose password this is.
///
/// A known, an unknown and a disabled user cost the same work and get the same answer.
pub(super) async fn check(
    state: &State,
    tried: Tried<'_>,
    client: &Client,
    found: Option<Credentials>,
    password: Password,
) -> Result<User, Error> {
    let attempt = Attempt::begin(state, tried, client).await?;
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    let right = state.hasher.verify(password, hash).await?;
    if let Some(found) = found.filter(|found| right && found.user.state == UserState::Active) {
        attempt.succeeded().await?;
        return Ok(found.user);
    }
    attempt.failed().await?;
    Err(Error::InvalidCredentials)
}

/// Begins a session of a user whose password has been checked.
pub(super) async fn begin(state: &State, user: &User, client: &Client) -> Result<TokenPair, Error> {
    let (session, refresh) = state.new_session(user.id, user.generation);
    let tokens = state.tokens(user, &session, &refresh)?;
    // Whoever has changed the password or ended all sessions meanwhile has ended this one, too.
    if !state.store.create_session(&session, client).await? {
        return Err(Error::InvalidCredentials);
    }
    Ok(convert::tokens(tokens))
}
