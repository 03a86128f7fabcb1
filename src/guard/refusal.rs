//! What a refused caller is told: the guard's only way to a status.

use std::time::Duration;

use tonic::{Code, Status};

use super::Denial;
use crate::api::auth::v1::ErrorReason;
use crate::status::{retry, status};

/// How long a caller waits before it tries again when the auth service could not be asked.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Why the guard lets a call not in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The call carries no token.
    TokenMissing,
    /// The token is worth nothing.
    Token(Denial),
    /// The caller lacks what the method asks for.
    NotAllowed,
    /// Nobody could say what the token is worth.
    AuthUnavailable,
    /// The caller's own deadline passed while the auth service was asked.
    Deadline,
}

impl Refusal {
    /// The machine-readable cause.
    pub fn reason(self) -> ErrorReason {
        match self {
            Self::TokenMissing => ErrorReason::TokenMissing,
            Self::Token(Denial::Invalid) => ErrorReason::TokenInvalid,
            Self::Token(Denial::Expired) => ErrorReason::TokenExpired,
            Self::Token(Denial::Revoked) => ErrorReason::TokenRevoked,
            Self::Token(Denial::UserDeleted) => ErrorReason::UserDeleted,
            Self::Token(Denial::UserDisabled) => ErrorReason::UserDisabled,
            Self::NotAllowed => ErrorReason::NotAllowed,
            Self::AuthUnavailable => ErrorReason::AuthUnavailable,
            Self::Deadline => ErrorReason::Deadline,
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let reason = refusal.reason();
        match refusal {
            Refusal::TokenMissing => status(Code::Unauthenticated, reason, "Authentication token not provided"),
            Refusal::Token(Denial::Invalid | Denial::Expired | Denial::Revoked) => {
                status(Code::Unauthenticated, reason, "invalid token")
            }
            Refusal::Token(Denial::UserDeleted | Denial::UserDisabled) => {
                status(Code::Unauthenticated, reason, "user does not exist, bad token")
            }
            Refusal::NotAllowed => status(Code::PermissionDenied, reason, "permission denied"),
            Refusal::AuthUnavailable => retry(
                Code::Unavailable,
                reason,
                "the auth service cannot be asked about the token now, try again in a moment",
                RETRY_DELAY,
            ),
            Refusal::Deadline => status(Code::DeadlineExceeded, reason, "the call took longer than its deadline"),
        }
    }
}
