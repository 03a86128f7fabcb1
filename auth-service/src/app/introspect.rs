//! What a token is worth: one answer for `VerifyToken` and for the service's own guard, without the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gatepost::{Denial, Digest, Token};
use subtle::ConstantTimeEq as _;

use super::state::State;
use crate::domain::{Cause, Era, Position};
use crate::tokens::{NEW_SECONDS, TokenFault, VerifiedToken};
use crate::view::{Bearer, Stale};

/// What a token is worth.
pub(crate) enum TokenStatus {
    /// A user's token that is good.
    User(Arc<VerifiedToken>),
    /// The service key.
    Service,
    /// No good token, and the reason.
    Inactive(Denial),
}

/// Verifies a token, a second time where another replica may have made its key a moment ago.
async fn verify(
    state: &State,
    token: &Token,
    digest: &Digest,
    now: DateTime<Utc>,
) -> Result<Result<Arc<VerifiedToken>, TokenFault>, Stale> {
    let verified = state.verifier.verify(token, digest, now);
    if verified.is_ok() {
        return Ok(verified);
    }
    match state.verifier.lacks_key(token, now) {
        Some(key) if !state.view.has_killed(&key) => {
            state.view.look_for_key().await?;
            Ok(state.verifier.verify(token, digest, now))
        }
        _ => Ok(verified),
    }
}

/// Judges a token by its signature, its times, and what has been revoked up to the position that is answered with it.
pub(crate) async fn introspect(state: &State, token: Option<&Token>) -> Result<(TokenStatus, Position), Stale> {
    // Before the signature: while nothing can be said, none is looked at.
    state.view.refresh().await?;
    let now = state.clock.now();
    let nothing = |denial| Ok((TokenStatus::Inactive(denial), state.view.position()?));
    // What is no token of any kind is none that this service has given.
    let Some(token) = token else { return nothing(Denial::Invalid) };
    let digest = token.digest();
    if let Some(key) = &state.service_key
        && bool::from(digest.as_bytes().ct_eq(key.as_bytes()))
    {
        return Ok((TokenStatus::Service, state.view.position()?));
    }
    let verified = match verify(state, token, &digest, now).await? {
        Ok(verified) => verified,
        Err(TokenFault::Invalid) => return nothing(Denial::Invalid),
        Err(TokenFault::Expired) => return nothing(Denial::Expired),
    };
    let claims = verified.claims();
    let era = Era::of_token(claims.jti);
    let bearer = Bearer {
        user: claims.sub,
        session: claims.sid,
        generation: claims.generation,
        key: verified.key_id(),
        issued: claims.iat,
        era,
    };
    let mut judged = state.view.judge(bearer)?;
    // Another replica may have begun the token's era a moment ago.
    let is_new = (now.timestamp() - claims.iat).abs() <= NEW_SECONDS;
    if judged.dead.is_some() && is_new && !state.view.horizon().has_heard_of(era) {
        state.view.look_for_key().await?;
        judged = state.view.judge(bearer)?;
    }
    let worth = match judged.dead {
        None => TokenStatus::User(verified),
        Some(Cause::Ended) => TokenStatus::Inactive(Denial::Revoked),
        Some(Cause::Disabled) => TokenStatus::Inactive(Denial::UserDisabled),
        Some(Cause::Deleted) => TokenStatus::Inactive(Denial::UserDeleted),
    };
    Ok((worth, judged.position))
}
