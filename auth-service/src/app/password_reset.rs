//! Helps users who cannot log in: an admin sets a password or issues a code, which the user exchanges for a password.

use super::{App, SessionTokens, login_activity, users};
use crate::domain::{AuditContext, AuditKind, Client, NewAuditEvent, PasswordReset, UserId, UserState};
use crate::error::AuthError;
use crate::store::{FoundReset, PasswordChanged};
use crate::tokens::ResetCode;

/// Code for a user, with its expiry.
pub(crate) struct IssuedCode {
    pub(crate) code: ResetCode,
    pub(crate) reset: PasswordReset,
}

/// Issues a code with which the user sets a new password. The policy admits only admins.
pub(crate) async fn issue_code(app: &App, context: &AuditContext, id: UserId) -> Result<IssuedCode, AuthError> {
    let code = ResetCode::new(kit::random::bytes());
    let reset = PasswordReset::new(id, code.digest(), app.clock.now());
    let event = app.audit.event(AuditKind::PasswordResetIssued, context).about_user(id);
    if !app.store.add_password_reset(&reset, &event).await? {
        return Err(AuthError::UserNotFound(id.to_string()));
    }
    Ok(IssuedCode { code, reset })
}

/// Sets a user's password, ends all sessions of the user, and unlocks the account. The policy admits only admins.
pub(crate) async fn set_password(app: &App, context: &AuditContext, id: UserId, new: String) -> Result<(), AuthError> {
    let missing = || AuthError::UserNotFound(id.to_string());
    let user = users::get(app, id).await?;
    let hash = hash(app, &context.client, new, &[&user.name, &user.email]).await?;
    let event = app.audit.event(AuditKind::PasswordChanged, context).about_user(id);
    let changed = app.store.set_password(id, &hash, app.revoker.stamp(), &event).await?;
    let PasswordChanged { user, logged } = changed.ok_or_else(missing)?;
    app.revoker.take_effect(logged).await?;
    login_activity::clear_failures(app, &user).await
}

/// Sets the password of the code's user. Returns the tokens of a new session.
pub(crate) async fn complete(
    app: &App,
    context: &AuditContext,
    code: &str,
    new: String,
) -> Result<SessionTokens, AuthError> {
    let client = &context.client;
    app.issuing.check_signs()?;
    app.attempts.check_address(client).await?;
    let found = match ResetCode::parse(code) {
        Some(code) => app.store.password_reset(code.digest()).await?,
        None => None,
    };
    let found = match usable(app, found) {
        Ok(found) => found,
        Err(Refused { user, reason }) => {
            let failed = app.audit.event(AuditKind::PasswordResetFailed, context).with("reason", reason);
            let failed = user.into_iter().fold(failed, NewAuditEvent::about_user);
            app.attempts.count_failure(failed).await?;
            return Err(AuthError::ResetCodeInvalid);
        }
    };
    let hash = hash(app, client, new, &[&found.user.name, &found.user.email]).await?;
    let begun = app.issuing.new_session(found.user.id, found.user.generation);
    let event = app.audit.event(AuditKind::PasswordResetCompleted, context);
    let event = event.by_user(found.user.id).session(begun.session.id);
    let (stamp, digest) = (app.revoker.stamp(), found.reset.digest);
    let changed = app.store.complete_password_reset(digest, &hash, &begun.session, client, stamp, &event).await?;
    let PasswordChanged { user, logged } = changed.ok_or(AuthError::ResetCodeInvalid)?;
    app.revoker.take_effect(logged).await?;
    if let Err(error) = login_activity::clear_failures(app, &user).await {
        // The new password is set, and the user has tokens; the lock of the account ends by itself.
        tracing::warn!(%error, user = %user.id, "account not unlocked after a password reset");
    }
    app.issuing.tokens(&user, &begun, app.audiences.default())
}

/// Code that is not usable.
struct Refused {
    user: Option<UserId>,
    /// Reason for the audit log. The caller does not get it.
    reason: &'static str,
}

/// Returns the code if it can be used now.
fn usable(app: &App, found: Option<FoundReset>) -> Result<FoundReset, Refused> {
    let found = found.ok_or(Refused { user: None, reason: "unknown_code" })?;
    let refused = |reason| Err(Refused { user: Some(found.user.id), reason });
    if !found.reset.is_valid_at(app.clock.latest(), app.attempts.limits.leeway) {
        return refused("expired_code");
    }
    // Since the code was issued, the user got a new password, lost all sessions, or was disabled.
    if found.generation != found.user.generation {
        return refused("ended_code");
    }
    match found.user.state {
        UserState::Active => Ok(found),
        UserState::Disabled => refused("user_disabled"),
    }
}

/// Clears the wrong passwords of a user. The policy admits only admins.
pub(crate) async fn unlock(app: &App, context: &AuditContext, id: UserId) -> Result<(), AuthError> {
    login_activity::unlock(app, context, &users::get(app, id).await?).await
}

/// Checks the policy and returns the hash of the password.
async fn hash(app: &App, client: &Client, new: String, own_words: &[&str]) -> Result<String, AuthError> {
    let new = app.passwords.accept(new, own_words);
    let new = new.map_err(|error| AuthError::violation("new_password", error.to_string()))?;
    app.attempts.hash(client, new.into_password()).await
}
