//! Users are read: email and roles by the user and by admins alone.

use std::collections::HashMap;

use gatepost::api::auth::v1::{self, BatchGetUsersRequest, BatchGetUsersResponse, ListUsersRequest, ListUsersResponse};
use gatepost::{InactiveReason, Rejection};
use kit::failure::both;
use kit::page::{self, Batch, Row, Wanted};
use prost::Message as _;
use uuid::Uuid;

use super::Caller;
use crate::convert;
use crate::domain::{Role, User, UserState};
use crate::error::Error;
use crate::state::State;
use crate::store::Filter;

const LIST: &str = "gatepost.auth.v1.UserService/ListUsers";

/// The most ids of a batch.
const MAX_BATCH: usize = 100;

/// The user as the caller may see it.
pub(super) fn seen(caller: Caller, user: User) -> v1::User {
    let in_full = caller.owns(user.id);
    convert::user(user, in_full)
}

pub(super) async fn me(state: &State, caller: Caller) -> Result<v1::User, Error> {
    let user = state.store.user(caller.user()?).await?;
    Ok(seen(caller, user.ok_or(Error::Refused(Rejection::Token(InactiveReason::UserDeleted)))?))
}

pub(super) async fn one(state: &State, caller: Caller, id: &str) -> Result<v1::User, Error> {
    let id = caller.named("id", id)?;
    let user = state.store.user(id).await?.ok_or_else(|| Error::UserNotFound(id.to_string()))?;
    Ok(seen(caller, user))
}

pub(super) async fn some(
    state: &State,
    caller: Caller,
    request: BatchGetUsersRequest,
) -> Result<BatchGetUsersResponse, Error> {
    const MANY: &str = "must be at most 100 ids";
    const TWICE: &str = "must stand once";
    if request.ids.len() > MAX_BATCH {
        return Err(convert::violation("ids", MANY));
    }
    let mut ids: Vec<Uuid> = Vec::with_capacity(request.ids.len());
    for (index, text) in request.ids.iter().enumerate() {
        let field = format!("ids[{index}]");
        let id = caller.named(field.clone(), text)?;
        if ids.contains(&id) {
            return Err(convert::violation(field, TWICE));
        }
        ids.push(id);
    }
    let found = state.store.users(&ids).await?;
    let mut found: HashMap<Uuid, User> = found.into_iter().map(|user| (user.id, user)).collect();
    let mut answer = BatchGetUsersResponse::default();
    for (id, text) in ids.into_iter().zip(request.ids) {
        match found.remove(&id) {
            Some(user) => answer.users.push(seen(caller, user)),
            None => answer.missing_ids.push(text),
        }
    }
    Ok(answer)
}

pub(super) async fn page(state: &State, caller: Caller, request: ListUsersRequest) -> Result<ListUsersResponse, Error> {
    if request.filter.is_some() && !caller.is_admin() {
        return Err(Error::Refused(Rejection::NotAllowed));
    }
    let (size, filter) = both(convert::page_size(request.page_size), convert::filter(request.filter))?;
    let scope = scope(&filter);
    let filter = &filter;
    let read = async |after, limit| {
        let users = state.store.list_users(filter, after, limit).await?;
        let answered = users.into_iter().map(|user| {
            let (id, item) = (user.id, seen(caller, user));
            Row { id, bytes: item.encoded_len(), item }
        });
        Ok::<_, Error>(Batch::up_to(limit, answered.collect()))
    };
    let wanted = Wanted { scope: &scope, size, token: &request.page_token };
    let page = page::fill(&state.page_tokens, wanted, state.clock.now(), read).await?;
    Ok(ListUsersResponse { users: page.items, next_page_token: page.next_page_token })
}

/// What a page token is bound to. No two filters have one text: neither an email's canonical form nor a role has a
/// blank.
fn scope(filter: &Filter) -> String {
    let state = match filter.state {
        None => "any",
        Some(UserState::Active) => "active",
        Some(UserState::Disabled) => "disabled",
    };
    let role = filter.role.as_ref().map_or("", Role::as_str);
    format!("{LIST} state={state} role={role} email={}", filter.email_key.as_deref().unwrap_or_default())
}
