//! A user is changed or deleted, by the user or by an admin.

use gatepost::api::auth::v1::{self, DeleteUserRequest, UpdateUserRequest};
use kit::etag;
use uuid::Uuid;

use super::Caller;
use super::read::seen;
use crate::convert;
use crate::domain::Client;
use crate::error::Error;
use crate::rpc::attempts::Tried;
use crate::rpc::login;
use crate::state::State;

pub(super) async fn update(
    state: &State,
    caller: Caller,
    client: &Client,
    request: UpdateUserRequest,
) -> Result<v1::User, Error> {
    let id = caller.named("id", &request.id);
    let (id, update) = Error::both(id, convert::user_update(request))?;
    reach(state, caller, id).await?;
    if update.change.email.is_some() {
        // Whoever holds a stolen token must not be able to take the account with it.
        let own = caller.user()?;
        let found = state.store.credentials_of(own).await?;
        login::check(state, Tried::Proof(own), client, found, update.current_password).await?;
    }
    let updated = state.store.update_user(id, &update.change, update.expected, state.clock.now()).await?;
    Ok(seen(caller, updated.map_err(|why| Error::unchanged(why, id))?))
}

pub(super) async fn delete(state: &State, caller: Caller, request: DeleteUserRequest) -> Result<(), Error> {
    let id = caller.named("id", &request.id)?;
    reach(state, caller, id).await?;
    let deleted = state.store.delete_user(id, etag::expected(&request.etag), state.clock.now()).await?;
    deleted.map_err(|why| Error::unchanged(why, id))
}

/// Existence, then ownership: a user whom everybody can see is not hidden from whoever may not change it.
async fn reach(state: &State, caller: Caller, id: Uuid) -> Result<(), Error> {
    if state.store.user(id).await?.is_none() {
        return Err(Error::UserNotFound(id.to_string()));
    }
    caller.must_own(id)
}
