//! Reads, changes and deletes users. Registration and password changes have separate files.

use std::collections::HashMap;

use gatepost::{InactiveReason, Rejection};
use kit::page::{self, Page, PageBatch, PageRequest, PageRow};

use super::accounts::PasswordPurpose;
use super::login_activity::{self, Logins};
use super::{App, Caller};
use crate::domain::{AuditContext, AuditKind, Password, Roles, User, UserChange, UserId, UserState};
use crate::error::AuthError;
use crate::store::{ChangedUser, Filter, Outcome, PasswordProof};

/// Change of a user, with valid fields.
pub(crate) struct UserUpdate {
    pub(crate) change: UserChange,
    pub(crate) current_password: Password,
    /// Revision that the caller has read, if the change depends on it.
    pub(crate) expected: Option<i32>,
}

/// Returns the calling user.
pub(crate) async fn me(app: &App, caller: Caller) -> Result<User, AuthError> {
    let user = app.store.user(caller.user()?).await?;
    user.ok_or(AuthError::Refused(Rejection::Token(InactiveReason::UserDeleted)))
}

/// Returns a user.
pub(crate) async fn get(app: &App, id: UserId) -> Result<User, AuthError> {
    app.store.user(id).await?.ok_or_else(|| AuthError::UserNotFound(id.to_string()))
}

/// Returns the existing users among these ids.
pub(crate) async fn get_many(app: &App, ids: &[UserId]) -> Result<HashMap<UserId, User>, AuthError> {
    Ok(app.store.users(ids).await?.into_iter().map(|user| (user.id, user)).collect())
}

/// Returns the logins of these users if the caller is an admin. Others get none.
pub(crate) async fn logins(app: &App, caller: Caller, users: &[&User]) -> Result<Logins, AuthError> {
    if caller.is_admin() { login_activity::of_users(app, users).await } else { Ok(Logins::new()) }
}

/// Returns a page of users. `row` converts a user into a row of the answer, with the logins for an admin.
pub(crate) async fn list<T>(
    app: &App,
    caller: Caller,
    filter: &Filter,
    wanted: PageRequest<'_>,
    row: impl Fn(User, &Logins) -> PageRow<T, UserId>,
) -> Result<Page<T>, AuthError> {
    let read = async |after, limit| {
        let users = app.store.list_users(filter, after, limit).await?;
        let logins = logins(app, caller, &users.iter().collect::<Vec<_>>()).await?;
        let rows = users.into_iter().map(|user| row(user, &logins)).collect();
        Ok::<_, AuthError>(PageBatch::up_to(limit, rows))
    };
    page::fill(&app.page_tokens, wanted, app.clock.now(), read).await
}

/// Changes the name or email of a user.
pub(crate) async fn update(
    app: &App,
    caller: Caller,
    context: &AuditContext,
    id: UserId,
    UserUpdate { change, current_password, expected }: UserUpdate,
) -> Result<User, AuthError> {
    caller.reach(&app.store, id).await?;
    let proof = match change.email {
        Some(_) => Some(prove(app, caller, context, current_password).await?),
        None => None,
    };
    let event = app.audit.event(AuditKind::EmailChanged, context).about_user(id);
    let updated = app.store.update_user(id, &change, proof, expected, &event).await?;
    updated.map_err(|why| AuthError::unchanged(why, id))
}

/// Checks the caller's own password, so that a stolen token is not enough to take over the account. A change of the email
/// reveals if an address is taken, so it has the same limit as registration (C54).
async fn prove(
    app: &App,
    caller: Caller,
    context: &AuditContext,
    password: Password,
) -> Result<PasswordProof, AuthError> {
    app.attempts.sign_up(&context.client).await?;
    let user_id = caller.user()?;
    let user = app.attempts.check(PasswordPurpose::Proof(user_id), context, password).await?;
    Ok(PasswordProof { user_id, generation: user.generation })
}

/// Deletes a user with all sessions. A random pseudonym takes the user's place in the audit log.
pub(crate) async fn delete(
    app: &App,
    caller: Caller,
    context: &AuditContext,
    id: UserId,
    expected: Option<i32>,
) -> Result<(), AuthError> {
    caller.reach(&app.store, id).await?;
    let event = app.audit.event(AuditKind::UserDeleted, context).about_user(id);
    let pseudonym = format!("erased-{:032x}", u128::from_be_bytes(kit::random::bytes()));
    let deleted = app.store.delete_user(id, expected, app.revoker.stamp(), &pseudonym, &event).await?;
    app.revoker.take_effect(deleted.map_err(|why| AuthError::unchanged(why, id))?).await
}

/// Sets the roles of a user. The policy admits only admins.
pub(crate) async fn set_roles(
    app: &App,
    context: &AuditContext,
    id: UserId,
    roles: &Roles,
    expected: Option<i32>,
) -> Result<User, AuthError> {
    let event = app.audit.event(AuditKind::RolesChanged, context).about_user(id);
    settled(app, id, app.store.set_roles(id, roles, expected, app.revoker.stamp(), &event).await).await
}

/// Enables or disables a user. The policy admits only admins.
pub(crate) async fn set_state(
    app: &App,
    context: &AuditContext,
    id: UserId,
    to: UserState,
    expected: Option<i32>,
) -> Result<User, AuthError> {
    let event = app.audit.event(state_event(to), context).about_user(id);
    settled(app, id, app.store.set_state(id, to, expected, app.revoker.stamp(), &event).await).await
}

/// Returns the kind of the event of a change to this state.
pub(crate) fn state_event(to: UserState) -> AuditKind {
    match to {
        UserState::Active => AuditKind::UserEnabled,
        UserState::Disabled => AuditKind::UserDisabled,
    }
}

/// Returns the changed user, after the revocation of the change has taken effect.
async fn settled(app: &App, id: UserId, changed: Outcome<ChangedUser>) -> Result<User, AuthError> {
    let ChangedUser { user, logged } = changed?.map_err(|why| AuthError::unchanged(why, id))?;
    app.revoker.take_effect(logged).await?;
    Ok(user)
}
