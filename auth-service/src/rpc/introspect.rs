//! What a token is worth: one answer for `VerifyToken` and for the service's own guard.

use gatepost::{Denial, Token};
use subtle::ConstantTimeEq as _;

use crate::domain::UserState;
use crate::state::State;
use crate::store::StoreError;
use crate::tokens::{Claims, TokenFault, VerifiedToken};

/// What a token is worth.
pub(super) enum Worth {
    /// A user's token that is good.
    User(VerifiedToken),
    /// The service key.
    Service,
    /// Nothing.
    Nothing(Denial),
}

/// Judges a token by its signature, its times, and how its user and session stand.
pub(super) async fn introspect(state: &State, text: &str) -> Result<Worth, crate::error::Error> {
    let Some(token) = Token::parse(text) else { return Ok(Worth::Nothing(Denial::Invalid)) };
    if let Some(key) = &state.service_key
        && bool::from(token.digest().as_bytes().ct_eq(key.as_bytes()))
    {
        return Ok(Worth::Service);
    }
    let verified = match state.verifier.verify(token.expose(), state.clock.now()) {
        Ok(verified) => verified,
        Err(TokenFault::Invalid) => return Ok(Worth::Nothing(Denial::Invalid)),
        Err(TokenFault::Expired) => return Ok(Worth::Nothing(Denial::Expired)),
    };
    match standing(state, verified.claims()).await? {
        None => Ok(Worth::User(verified)),
        Some(denial) => Ok(Worth::Nothing(denial)),
    }
}

/// What the database holds against the token, if anything.
async fn standing(state: &State, claims: &Claims) -> Result<Option<Denial>, StoreError> {
    let Some(standing) = state.store.standing(claims.sub, claims.sid).await? else {
        return Ok(Some(Denial::UserDeleted));
    };
    if standing.state == UserState::Disabled {
        return Ok(Some(Denial::UserDisabled));
    }
    let lives = standing.session_lives && claims.generation >= standing.generation;
    Ok((!lives).then_some(Denial::Revoked))
}
