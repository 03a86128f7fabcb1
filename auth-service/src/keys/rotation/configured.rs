//! Detects that the configured secret or issuer has changed since the last start.

use db::patiently;
use kit::Clock;

use super::KeyringError;
use crate::audit::AuditSource;
use crate::domain::{Actor, AuditKind, LogId};
use crate::keys::model::Key;
use crate::keys::storage::SigningKeyError;
use crate::stamp::stamp;
use crate::store::{AuthStore, Remembered};

/// Stores the configured secret's id and the configured issuer. If one has changed, revokes the tokens of the previous
/// one through the log.
///
/// Call this after the log has started and the keys are open: a refused start must not revoke tokens.
///
/// # Errors
/// [`SigningKeyError::Replaced`], or a failure of the database.
pub(crate) async fn remember(
    store: &AuthStore,
    secret: Option<&Key>,
    issuer: &str,
    clock: &Clock,
) -> Result<(), KeyringError> {
    let (fresh, now) = (LogId(kit::random::bytes()), clock.now());
    let (id, stamp) = (secret.map_or("", Key::id), stamp(now));
    let audit = AuditSource::new(clock.clone());
    let event = audit.event(AuditKind::SecretKeyReplaced, Actor::System);
    match patiently(|| store.remember_secret_key(id, stamp, &event)).await? {
        Remembered::Same => {}
        Remembered::Replaced(_) => {
            tracing::warn!(
                "JWT_SECRET_KEY changed since the last start: the tokens of the previous secret are revoked"
            );
        }
        Remembered::Dead => return Err(SigningKeyError::Replaced.into()),
    }
    let event = audit.event(AuditKind::IssuerChanged, Actor::System);
    if patiently(|| store.remember_issuer(issuer, fresh, &event)).await? {
        tracing::warn!("AUTH_ISSUER changed since the last start: the tokens of the previous issuer are revoked");
    }
    Ok(())
}
