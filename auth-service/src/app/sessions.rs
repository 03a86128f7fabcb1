//! A user's sessions are listed and ended.

use gatepost::Rejection;
use kit::page::{self, Page, PageBatch, PageRequest, PageRow};
use uuid::Uuid;

use super::{App, Caller};
use crate::domain::ListedSession;
use crate::error::Error;

/// Returns a page of a user's sessions, each made a row of the answer by `row`.
pub(crate) async fn list<T>(
    app: &App,
    caller: Caller,
    user: Uuid,
    wanted: PageRequest<'_>,
    row: impl Fn(ListedSession) -> PageRow<T>,
) -> Result<Page<T>, Error> {
    caller.reach(&app.store, user).await?;
    let now = app.clock.now();
    let read = async |after, limit| {
        let sessions = app.store.list_sessions(user, after, limit, now).await?;
        Ok::<_, Error>(PageBatch::up_to(limit, sessions.into_iter().map(&row).collect()))
    };
    page::fill(&app.page_tokens, wanted, now, read).await
}

/// Ends the session of the caller's own token.
pub(crate) async fn log_out(app: &App, caller: Caller) -> Result<(), Error> {
    let session = caller.session().ok_or(Error::Refused(Rejection::NotAllowed))?;
    let ended = app.store.end_session(session, app.revocations.stamp()).await?;
    app.revocations.take_effect(ended).await
}

/// Ends a session. Only admins can tell another user's session from one that does not exist (C39); a service can tell none.
pub(crate) async fn revoke(app: &App, caller: Caller, id: Uuid) -> Result<(), Error> {
    let missing = || Error::SessionNotFound(id.to_string());
    let whose = if caller.is_admin() { None } else { Some(caller.user().map_err(|_| missing())?) };
    let ended = app.store.revoke_session(id, whose, app.revocations.stamp()).await?;
    app.revocations.take_effect(ended.ok_or_else(missing)?).await
}

/// Ends all sessions of a user.
pub(crate) async fn revoke_all(app: &App, caller: Caller, user: Uuid) -> Result<(), Error> {
    caller.reach(&app.store, user).await?;
    let ended = app.store.end_all_sessions(user, app.revocations.stamp()).await?;
    app.revocations.take_effect(ended.ok_or_else(|| Error::UserNotFound(user.to_string()))?).await
}
