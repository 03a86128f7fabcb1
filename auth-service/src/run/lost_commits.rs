//! Start on a database that may lack commits: everything that they may have ended is ended.

use kit::Clock;

use super::error::AuthRunError;
use crate::audit::AuditSource;
use crate::domain::{Actor, AuditKind, LogId};
use crate::store::{ApiKeyFate, AuthStore};

/// Refuses all earlier tokens, sessions and API keys if the database may have lost commits: it is unknown which of them
/// had ended.
///
/// # Errors
/// A failure of the database. The next start tries again.
pub(super) async fn revoke_all(store: &AuthStore, clock: &Clock) -> Result<(), AuthRunError> {
    let Some(sign) = store.loss() else { return Ok(()) };
    tracing::warn!(
        %sign,
        "database may have lost commits: all sessions, tokens and API keys are ended; check passwords, roles, disabled and \
         deleted users, and retired keys (docs/operations/trouble.md)"
    );
    store.end_all(ApiKeyFate::Revoked, LogId(kit::random::bytes()), clock.now()).await?;
    let event = AuditSource::new(clock.clone()).event(AuditKind::CommitsLost, Actor::System);
    store.record_audit_event(&event.with("sign", sign.word())).await?;
    store.accept_loss().await?;
    Ok(())
}
