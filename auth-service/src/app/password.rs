//! Changes a user's password, and ends every session that was created with the old one.

use gatepost::{InactiveReason, Rejection};

use super::accounts::PasswordPurpose;
use super::{App, Caller, SessionTokens};
use crate::domain::{AuditContext, AuditKind, Password};
use crate::error::AuthError;
use crate::store::PasswordChanged;

/// Sets the caller's new password. Returns the tokens of a new session.
pub(crate) async fn change(
    app: &App,
    caller: Caller,
    context: &AuditContext,
    current: Password,
    new: String,
) -> Result<SessionTokens, AuthError> {
    let id = caller.user()?;
    app.issuing.check_signs()?;
    let user = app.attempts.check(PasswordPurpose::Proof(id), context, current).await?;
    // The policy check is the most expensive step, so it comes after the check of the current password, which has a
    // limit.
    let new = app.passwords.accept(new, &[&user.name, &user.email]);
    let new = new.map_err(|error| AuthError::violation("new_password", error.to_string()))?;
    let hash = app.attempts.hash(&context.client, new.into_password()).await?;
    let begun = app.issuing.new_session(id, user.generation + 1);
    let event = app.audit.event(AuditKind::PasswordChanged, context).about_user(id).session(begun.session.id);
    let (stamp, client) = (app.revoker.stamp(), &context.client);
    let changed = app.store.change_password(user.generation, &hash, &begun.session, client, stamp, &event).await?;
    // The generation has changed since the old password was read, so this call's own token is revoked.
    let PasswordChanged { user, logged } =
        changed.ok_or(AuthError::Refused(Rejection::Token(InactiveReason::Revoked)))?;
    app.revoker.take_effect(logged).await?;
    app.issuing.tokens(&user, &begun, app.audiences.default())
}
