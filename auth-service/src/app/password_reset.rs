//! Helps users who cannot log in: an admin sets a password or issues a code, which the user exchanges for a password.

use super::{App, Caller, SessionTokens, login_activity, users};
use crate::app::refresh::AUDIT;
use crate::domain::{Client, PasswordReset, UserId, UserState};
use crate::error::AuthError;
use crate::store::PasswordChanged;
use crate::tokens::ResetCode;

/// Code for a user, with its expiry.
pub(crate) struct IssuedCode {
    pub(crate) code: ResetCode,
    pub(crate) reset: PasswordReset,
}

/// Issues a code with which the user sets a new password. The policy admits only admins.
pub(crate) async fn issue_code(app: &App, caller: Caller, id: UserId) -> Result<IssuedCode, AuthError> {
    let code = ResetCode::new(kit::random::bytes());
    let reset = PasswordReset::new(id, code.digest(), app.clock.now());
    if !app.store.add_password_reset(&reset).await? {
        return Err(AuthError::UserNotFound(id.to_string()));
    }
    tracing::info!(target: AUDIT, event = "password_reset_issued", user = %id, by = %caller.user()?);
    Ok(IssuedCode { code, reset })
}

/// Sets a user's password, ends all sessions of the user, and unlocks the account. The policy admits only admins.
pub(crate) async fn set_password(
    app: &App,
    caller: Caller,
    client: &Client,
    id: UserId,
    new: String,
) -> Result<(), AuthError> {
    let missing = || AuthError::UserNotFound(id.to_string());
    let user = users::get(app, id).await?;
    let hash = hash(app, client, new, &[&user.name, &user.email]).await?;
    let changed = app.store.set_password(id, &hash, app.revoker.stamp()).await?;
    let PasswordChanged { user, logged } = changed.ok_or_else(missing)?;
    app.revoker.take_effect(logged).await?;
    login_activity::unlock(app, &user).await?;
    tracing::info!(target: AUDIT, event = "password_set", user = %id, by = %caller.user()?);
    Ok(())
}

/// Sets the password of the code's user. Returns the tokens of a new session.
pub(crate) async fn complete(app: &App, client: &Client, code: &str, new: String) -> Result<SessionTokens, AuthError> {
    app.issuing.check_signs()?;
    app.attempts.check_address(client).await?;
    let now = app.clock.latest();
    let found = match ResetCode::parse(code) {
        Some(code) => app.store.password_reset(code.digest()).await?,
        None => None,
    };
    let is_good = |user_state, reset: &PasswordReset| {
        user_state == UserState::Active && reset.is_valid_at(now, app.attempts.limits.leeway)
    };
    let Some(found) = found.filter(|found| is_good(found.user.state, &found.reset)) else {
        app.attempts.count_failure(client).await?;
        return Err(AuthError::ResetCodeInvalid);
    };
    let hash = hash(app, client, new, &[&found.user.name, &found.user.email]).await?;
    let begun = app.issuing.new_session(found.user.id, found.user.generation);
    let stamp = app.revoker.stamp();
    let changed = app.store.complete_password_reset(found.reset.digest, &hash, &begun.session, client, stamp).await?;
    let PasswordChanged { user, logged } = changed.ok_or(AuthError::ResetCodeInvalid)?;
    app.revoker.take_effect(logged).await?;
    tracing::info!(target: AUDIT, event = "password_reset_completed", user = %user.id, peer = client.peer);
    if let Err(error) = login_activity::unlock(app, &user).await {
        // The new password is set, and the user has tokens; the lock of the account ends by itself.
        tracing::warn!(%error, user = %user.id, "account not unlocked after a password reset");
    }
    app.issuing.tokens(&user, &begun, app.audiences.default())
}

/// Clears the wrong passwords of a user. The policy admits only admins.
pub(crate) async fn unlock(app: &App, caller: Caller, id: UserId) -> Result<(), AuthError> {
    let user = users::get(app, id).await?;
    login_activity::unlock(app, &user).await?;
    tracing::info!(target: AUDIT, event = "user_unlocked", user = %id, by = %caller.user()?);
    Ok(())
}

/// Checks the policy and returns the hash of the password.
async fn hash(app: &App, client: &Client, new: String, own_words: &[&str]) -> Result<String, AuthError> {
    let new = app.passwords.accept(new, own_words);
    let new = new.map_err(|error| AuthError::violation("new_password", error.to_string()))?;
    app.attempts.hash(client, new.into_password()).await
}
