//! A user changes the password, which ends every session that was begun with the old one.

use gatepost::api::auth::v1::{ChangePasswordRequest, TokenPair};
use gatepost::{InactiveReason, Rejection};

use super::Caller;
use crate::convert;
use crate::domain::{Client, Password, network};
use crate::error::Error;
use crate::rpc::accounts::Tried;
use crate::rpc::attempts::line;
use crate::rpc::login;
use crate::state::State;

pub(super) async fn change(
    state: &State,
    caller: Caller,
    client: &Client,
    request: ChangePasswordRequest,
) -> Result<TokenPair, Error> {
    let id = caller.user()?;
    state.check_signs()?;
    let user = login::check(state, Tried::Proof(id), client, Password::new(request.current_password)).await?;
    // After the current password, whose attempts are limited: to measure the new one costs more than all the rest.
    let new = convert::new_password(request.new_password, state.passwords, Some(&user))?;
    let network = network(&client.peer);
    let hash = state.hasher.hash(line(state.attempts, &network), new.into_password()).await?;
    let (session, refresh) = state.new_session(id, user.generation + 1);
    let changed = state.store.change_password(user.generation, &hash, &session, client, state.stamp()).await?;
    // The generation has moved since the old password was read, and with it this call's own token has died.
    let (user, logged) = changed.ok_or(Error::Refused(Rejection::Token(InactiveReason::Revoked)))?;
    state.revoked(logged).await?;
    Ok(convert::tokens(state.tokens(&user, (&session, &refresh), state.audiences.default())?))
}
