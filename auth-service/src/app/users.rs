//! Users are read, changed and deleted; registration and passwords have files of their own.

use std::collections::HashMap;

use gatepost::{InactiveReason, Rejection};
use kit::page::{self, Page, PageBatch, PageRequest, PageRow};
use uuid::Uuid;

use super::accounts::Tried;
use super::{App, Caller};
use crate::domain::{Client, Logged, Password, Roles, User, UserChange, UserState};
use crate::error::Error;
use crate::store::{Filter, Outcome, PasswordProof};

/// A change of a user whose fields keep their rules.
pub(crate) struct UserUpdate {
    pub(crate) change: UserChange,
    pub(crate) current_password: Password,
    /// The revision that the caller has read; `None` for any.
    pub(crate) expected: Option<i32>,
}

/// Returns the calling user.
pub(crate) async fn me(app: &App, caller: Caller) -> Result<User, Error> {
    let user = app.store.user(caller.user()?).await?;
    user.ok_or(Error::Refused(Rejection::Token(InactiveReason::UserDeleted)))
}

/// Returns a user.
pub(crate) async fn one(app: &App, id: Uuid) -> Result<User, Error> {
    app.store.user(id).await?.ok_or_else(|| Error::UserNotFound(id.to_string()))
}

/// Returns those of these users that exist.
pub(crate) async fn some(app: &App, ids: &[Uuid]) -> Result<HashMap<Uuid, User>, Error> {
    Ok(app.store.users(ids).await?.into_iter().map(|user| (user.id, user)).collect())
}

/// Returns a page of users, each made a row of the answer by `row`.
pub(crate) async fn list<T>(
    app: &App,
    filter: &Filter,
    wanted: PageRequest<'_>,
    row: impl Fn(User) -> PageRow<T>,
) -> Result<Page<T>, Error> {
    let read = async |after, limit| {
        let users = app.store.list_users(filter, after, limit).await?;
        Ok::<_, Error>(PageBatch::up_to(limit, users.into_iter().map(&row).collect()))
    };
    page::fill(&app.page_tokens, wanted, app.clock.now(), read).await
}

/// Changes name or email.
pub(crate) async fn update(
    app: &App,
    caller: Caller,
    client: &Client,
    id: Uuid,
    UserUpdate { change, current_password, expected }: UserUpdate,
) -> Result<User, Error> {
    caller.reach(&app.store, id).await?;
    let proof = match change.email {
        Some(_) => Some(prove(app, caller, client, current_password).await?),
        None => None,
    };
    let updated = app.store.update_user(id, &change, proof, expected, app.clock.now()).await?;
    updated.map_err(|why| Error::unchanged(why, id))
}

/// Checks the caller's own password, so that a stolen token is not enough to take the account. A change of the email tells
/// whether an address is taken, as a registration does, and has the same limit (C54).
async fn prove(app: &App, caller: Caller, client: &Client, password: Password) -> Result<PasswordProof, Error> {
    app.attempts.sign_up(client).await?;
    let user_id = caller.user()?;
    let user = app.attempts.check(Tried::Proof(user_id), client, password).await?;
    Ok(PasswordProof { user_id, generation: user.generation })
}

/// Erases a user and the sessions.
pub(crate) async fn delete(app: &App, caller: Caller, id: Uuid, expected: Option<i32>) -> Result<(), Error> {
    caller.reach(&app.store, id).await?;
    let deleted = app.store.delete_user(id, expected, app.revocations.stamp()).await?;
    app.revocations.take_effect(deleted.map_err(|why| Error::unchanged(why, id))?).await
}

/// Sets the roles of a user; the policy lets in admins alone.
pub(crate) async fn set_roles(app: &App, id: Uuid, roles: &Roles, expected: Option<i32>) -> Result<User, Error> {
    settled(app, id, app.store.set_roles(id, roles, expected, app.revocations.stamp()).await).await
}

/// Enables or disables a user; the policy lets in admins alone.
pub(crate) async fn set_state(app: &App, id: Uuid, to: UserState, expected: Option<i32>) -> Result<User, Error> {
    settled(app, id, app.store.set_state(id, to, expected, app.revocations.stamp()).await).await
}

/// Returns the user of a change, once what it has revoked is refused.
async fn settled(app: &App, id: Uuid, changed: Outcome<(User, Option<Logged>)>) -> Result<User, Error> {
    let (user, logged) = changed?.map_err(|why| Error::unchanged(why, id))?;
    app.revocations.take_effect(logged).await?;
    Ok(user)
}
