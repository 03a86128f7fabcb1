//! The error of a client without a token.

use tonic::{Code, Status};

use crate::Rejection;
use crate::api::auth::v1::ErrorReason;
use crate::status::status;

/// The reason why a [`TokenSource`](crate::TokenSource) has no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoToken {
    /// The session is over; only a login starts another one. The auth service's reasons are `REFRESH_TOKEN_INVALID`
    /// (logout, or no renewal for a week) and `REFRESH_TOKEN_REUSED` (another client used the refresh token). A
    /// callee's reasons are `USER_DELETED`, `USER_DISABLED`, and `TOKEN_INVALID` and similar for a token that was just
    /// renewed.
    #[error("the session is over, log in again")]
    Ended(ErrorReason),
    /// The token has expired, and the auth service has not sent the next one. A later call may succeed.
    #[error("the auth service sent no new token; try again in a moment")]
    Unavailable,
    /// The caller is outside a Tokio runtime, which a request to the auth service needs.
    #[error("no Tokio runtime: ask for the token inside one")]
    NoRuntime,
}

/// `UNAUTHENTICATED` with the stored reason if the session is over, else `UNAVAILABLE` (`AUTH_UNAVAILABLE`).
impl From<NoToken> for Status {
    fn from(error: NoToken) -> Self {
        match error {
            NoToken::Ended(reason) => status(Code::Unauthenticated, reason, error.to_string()),
            NoToken::Unavailable | NoToken::NoRuntime => Rejection::AuthUnavailable.into(),
        }
    }
}
