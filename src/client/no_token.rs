//! Why a client has no token for a call.

use tonic::{Code, Status};

use crate::Refusal;
use crate::api::auth::v1::ErrorReason;
use crate::status::status;

/// Why a [`TokenSource`](crate::TokenSource) has no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoToken {
    /// The session is over, and only a login begins another one. The reason is the auth service's:
    /// `REFRESH_TOKEN_INVALID` after a logout, or after a week in which nobody has renewed it, `REFRESH_TOKEN_REUSED`
    /// when somebody else has used its refresh token. `USER_DELETED` and `USER_DISABLED` are a callee's, and so are
    /// `TOKEN_INVALID` and its like if a token was refused that had just been renewed for such a refusal.
    #[error("the session is over, log in again")]
    Ended(ErrorReason),
    /// The token has expired, and the auth service has not given the next one. Another call may get it.
    #[error("the auth service cannot be asked for the next token now, try again in a moment")]
    Unavailable,
    /// There is no Tokio runtime here, on which the auth service could be asked.
    #[error("there is no Tokio runtime here: ask for a token inside one")]
    NoRuntime,
}

/// `UNAUTHENTICATED` with the auth service's reason when the session is over, else `UNAVAILABLE` (`AUTH_UNAVAILABLE`).
impl From<NoToken> for Status {
    fn from(error: NoToken) -> Self {
        match error {
            NoToken::Ended(reason) => status(Code::Unauthenticated, reason, error.to_string()),
            NoToken::Unavailable | NoToken::NoRuntime => Refusal::AuthUnavailable.into(),
        }
    }
}
