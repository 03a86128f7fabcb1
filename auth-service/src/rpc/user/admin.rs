//! What admins alone do to users; the policy has let nobody else in.

use gatepost::api::auth::v1::{self, SetUserRolesRequest};
use kit::etag;
use kit::failure::both;

use super::Caller;
use super::read::seen;
use crate::app::State;
use crate::convert;
use crate::domain::UserState;
use crate::error::Error;

pub(super) async fn set_roles(state: &State, caller: Caller, request: SetUserRolesRequest) -> Result<v1::User, Error> {
    let (id, roles) = both(caller.named("id", &request.id), convert::roles(&request.roles))?;
    let set = state.store.set_roles(id, &roles, etag::expected(&request.etag), state.stamp()).await?;
    let (user, logged) = set.map_err(|why| Error::unchanged(why, id))?;
    state.revoked(logged).await?;
    Ok(seen(caller, user))
}

pub(super) async fn set_state(
    state: &State,
    caller: Caller,
    id: &str,
    etag: &str,
    to: UserState,
) -> Result<v1::User, Error> {
    let id = caller.named("id", id)?;
    let set = state.store.set_state(id, to, etag::expected(etag), state.stamp()).await?;
    let (user, logged) = set.map_err(|why| Error::unchanged(why, id))?;
    state.revoked(logged).await?;
    Ok(seen(caller, user))
}
