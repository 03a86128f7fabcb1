//! Lists and ends a user's sessions.

use gatepost::Rejection;
use kit::page::{self, Page, PageBatch, PageRequest, PageRow};

use super::{App, Caller};
use crate::domain::{AuditContext, AuditKind, ListedSession, SessionId, UserId};
use crate::error::AuthError;

/// Returns a page of a user's sessions. `row` converts a session into a row of the answer.
pub(crate) async fn list<T>(
    app: &App,
    caller: Caller,
    user: UserId,
    wanted: PageRequest<'_>,
    row: impl Fn(ListedSession) -> PageRow<T, SessionId>,
) -> Result<Page<T>, AuthError> {
    caller.reach(&app.store, user).await?;
    let now = app.clock.now();
    let read = async |after, limit| {
        let sessions = app.store.list_sessions(user, after, limit, now).await?;
        Ok::<_, AuthError>(PageBatch::up_to(limit, sessions.into_iter().map(&row).collect()))
    };
    page::fill(&app.page_tokens, wanted, now, read).await
}

/// Ends the session of the caller's own token.
pub(crate) async fn log_out(app: &App, caller: Caller, context: &AuditContext) -> Result<(), AuthError> {
    let session = caller.session().ok_or(AuthError::Refused(Rejection::NotAllowed))?;
    let event = app.audit.event(AuditKind::LoggedOut, context).about_user(caller.user()?).session(session);
    let ended = app.store.end_session(session, app.revoker.stamp(), &event).await?;
    app.revoker.take_effect(ended).await
}

/// Ends a session. Only admins can tell another user's session from one that does not exist (C39). A service gets "not
/// found" for every session.
pub(crate) async fn revoke(app: &App, caller: Caller, context: &AuditContext, id: SessionId) -> Result<(), AuthError> {
    let missing = || AuthError::SessionNotFound(id.to_string());
    let owner = if caller.is_admin() { None } else { Some(caller.user().map_err(|_| missing())?) };
    let event = app.audit.event(AuditKind::SessionRevoked, context).session(id);
    let ended = app.store.revoke_session(id, owner, app.revoker.stamp(), &event).await?;
    app.revoker.take_effect(ended.ok_or_else(missing)?).await
}

/// Ends all sessions of a user.
pub(crate) async fn revoke_all(
    app: &App,
    caller: Caller,
    context: &AuditContext,
    user: UserId,
) -> Result<(), AuthError> {
    caller.reach(&app.store, user).await?;
    let event = app.audit.event(AuditKind::AllSessionsRevoked, context).about_user(user);
    let ended = app.store.end_all_sessions(user, app.revoker.stamp(), &event).await?;
    app.revoker.take_effect(ended.ok_or_else(|| AuthError::UserNotFound(user.to_string()))?).await
}
