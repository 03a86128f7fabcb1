//! A user is changed or deleted, by the user or by an admin.

use gatepost::api::auth::v1::{self, DeleteUserRequest, UpdateUserRequest};
use kit::etag;
use kit::failure::both;

use super::Caller;
use super::read::seen;
use crate::app::State;
use crate::app::Tried;
use crate::app::attempts;
use crate::app::login;
use crate::convert;
use crate::domain::{Client, Password};
use crate::error::Error;
use crate::store::Proof;

pub(super) async fn update(
    state: &State,
    caller: Caller,
    client: &Client,
    request: UpdateUserRequest,
) -> Result<v1::User, Error> {
    let id = caller.named("id", &request.id);
    let (id, update) = both(id, convert::user_update(request))?;
    caller.reach(state, id).await?;
    let proof = match update.change.email {
        Some(_) => Some(prove(state, caller, client, update.current_password).await?),
        None => None,
    };
    let updated = state.store.update_user(id, &update.change, proof, update.expected, state.clock.now()).await?;
    Ok(seen(caller, updated.map_err(|why| Error::unchanged(why, id))?))
}

pub(super) async fn delete(state: &State, caller: Caller, request: DeleteUserRequest) -> Result<(), Error> {
    let id = caller.named("id", &request.id)?;
    caller.reach(state, id).await?;
    let deleted = state.store.delete_user(id, etag::expected(&request.etag), state.stamp()).await?;
    state.revoked(deleted.map_err(|why| Error::unchanged(why, id))?).await
}

/// Checks the caller's own password: whoever holds a stolen token must not be able to take the account with it. It tells
/// whether an address is taken, as a registration does, and so it has the same limit (C54).
async fn prove(state: &State, caller: Caller, client: &Client, password: Password) -> Result<Proof, Error> {
    attempts::sign_up(state, client).await?;
    let user_id = caller.user()?;
    let user = login::check(state, Tried::Proof(user_id), client, password).await?;
    Ok(Proof { user_id, generation: user.generation })
}
