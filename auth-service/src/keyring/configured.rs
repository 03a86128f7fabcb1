//! A configured key or issuer that has been replaced since the last start.

use kit::Clock;
use kit::db::patiently;

use crate::domain::LogId;
use crate::stamp::stamp;
use crate::store::{Store, StoreError};
use crate::tokens::Key;

/// Remembers what the settings say, and revokes by the log what they said before. The log has begun.
pub(crate) async fn remember(
    store: &Store,
    secret: Option<&Key>,
    issuer: &str,
    clock: &Clock,
) -> Result<(), StoreError> {
    let (fresh, now) = (LogId(kit::random::bytes()), clock.now());
    if patiently(|| store.remember_issuer(issuer, fresh, now)).await? {
        tracing::warn!("AUTH_ISSUER is another one than at the last start: the tokens of the one before are revoked");
    }
    let (id, stamp) = (secret.map_or("", Key::id), stamp(now));
    if patiently(|| store.remember_secret_key(id, stamp)).await?.is_some() {
        tracing::warn!(
            "JWT_SECRET_KEY is another one than at the last start: the tokens of the one before are revoked"
        );
    }
    Ok(())
}
