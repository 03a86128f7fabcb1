//! What a token is worth: one answer for `VerifyToken` and for the service's own guard, without the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gatepost::{InactiveReason, Token, TokenDigest};
use subtle::ConstantTimeEq as _;

use crate::domain::{Cause, Era, Position};
use crate::state::State;
use crate::tokens::{NEW_SECONDS, TokenFault, VerifiedToken};
use crate::view::{Bearer, Stale};

/// What a token is worth.
pub(super) enum Worth {
    /// A user's token that is good.
    User(Arc<VerifiedToken>),
    /// The service key.
    Service,
    /// Nothing.
    Nothing(InactiveReason),
}

/// Verifies a token, a second time where another replica may have made its key a moment ago.
async fn verify(
    state: &State,
    token: &Token,
    digest: &TokenDigest,
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
pub(super) async fn introspect(state: &State, token: Option<&Token>) -> Result<(Worth, Position), Stale> {
    // Before the signature: while nothing can be said, none is looked at.
    state.view.refresh().await?;
    let now = state.clock.now();
    let nothing = |denial| Ok((Worth::Nothing(denial), state.view.position()?));
    // What is no token of any kind is none that this service has given.
    let Some(token) = token else { return nothing(InactiveReason::Invalid) };
    let digest = token.digest();
    if let Some(key) = &state.service_key
        && bool::from(digest.as_bytes().ct_eq(key.as_bytes()))
    {
        return Ok((Worth::Service, state.view.position()?));
    }
    let verified = match verify(state, token, &digest, now).await? {
        Ok(verified) => verified,
        Err(TokenFault::Invalid) => return nothing(InactiveReason::Invalid),
        Err(TokenFault::Expired) => return nothing(InactiveReason::Expired),
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
        None => Worth::User(verified),
        Some(Cause::Ended) => Worth::Nothing(InactiveReason::Revoked),
        Some(Cause::Disabled) => Worth::Nothing(InactiveReason::UserDisabled),
        Some(Cause::Deleted) => Worth::Nothing(InactiveReason::UserDeleted),
    };
    Ok((worth, judged.position))
}
