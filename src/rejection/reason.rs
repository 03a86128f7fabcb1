//! Rejections: the only source of the guard's statuses.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{HeaderFault, InactiveReason};
use crate::api::auth::v1::ErrorReason;
use crate::status::{details_with, retry, status};

/// The `RetryInfo` delay of [`Rejection::AuthUnavailable`].
const RETRY_DELAY: Duration = Duration::from_millis(250);

const MISSING_MESSAGE: &str = "Authentication token not provided";
const INVALID_MESSAGE: &str = "invalid token";

/// The reason why the guard refuses or ends a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The call carries no token.
    TokenMissing,
    /// The token's header is malformed. [`Rejection::reason`] returns `TOKEN_MISSING` or `TOKEN_INVALID`, and metrics
    /// count the rejection under this reason.
    Header(HeaderFault),
    /// The token is not valid.
    Token(InactiveReason),
    /// The method's rule does not admit the caller.
    NotAllowed,
    /// The verifier gave no introspection.
    AuthUnavailable,
    /// The caller's deadline passed before the introspection.
    Deadline,
}

impl Rejection {
    /// One rejection of each reason, in the order of their numbers.
    pub(crate) const ALL: [Self; 9] = [
        Self::TokenMissing,
        Self::Token(InactiveReason::Invalid),
        Self::Token(InactiveReason::Expired),
        Self::Token(InactiveReason::Revoked),
        Self::Token(InactiveReason::UserDeleted),
        Self::Token(InactiveReason::UserDisabled),
        Self::NotAllowed,
        Self::AuthUnavailable,
        Self::Deadline,
    ];

    /// Returns the index in [`ALL`](Self::ALL) of the rejection with the same reason.
    pub(crate) const fn number(self) -> usize {
        match self {
            Self::TokenMissing => 0,
            Self::Header(fault) if fault.is_missing() => 0,
            Self::Token(InactiveReason::Invalid) | Self::Header(_) => 1,
            Self::Token(InactiveReason::Expired) => 2,
            Self::Token(InactiveReason::Revoked) => 3,
            Self::Token(InactiveReason::UserDeleted) => 4,
            Self::Token(InactiveReason::UserDisabled) => 5,
            Self::NotAllowed => 6,
            Self::AuthUnavailable => 7,
            Self::Deadline => 8,
        }
    }

    /// Returns the machine-readable reason.
    pub fn reason(self) -> ErrorReason {
        match self {
            Self::TokenMissing => ErrorReason::TokenMissing,
            Self::Header(fault) if fault.is_missing() => ErrorReason::TokenMissing,
            Self::Token(InactiveReason::Invalid) | Self::Header(_) => ErrorReason::TokenInvalid,
            Self::Token(InactiveReason::Expired) => ErrorReason::TokenExpired,
            Self::Token(InactiveReason::Revoked) => ErrorReason::TokenRevoked,
            Self::Token(InactiveReason::UserDeleted) => ErrorReason::UserDeleted,
            Self::Token(InactiveReason::UserDisabled) => ErrorReason::UserDisabled,
            Self::NotAllowed => ErrorReason::NotAllowed,
            Self::AuthUnavailable => ErrorReason::AuthUnavailable,
            Self::Deadline => ErrorReason::Deadline,
        }
    }
}

impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        let reason = rejection.reason();
        match rejection {
            Rejection::TokenMissing => status(Code::Unauthenticated, reason, MISSING_MESSAGE),
            Rejection::Header(fault) => {
                let message = if fault.is_missing() { MISSING_MESSAGE } else { INVALID_MESSAGE };
                let metadata = [("header", fault.header.name()), ("fault", fault.fault.name())];
                Self::with_error_details(Code::Unauthenticated, message, details_with(reason, metadata))
            }
            Rejection::Token(InactiveReason::Invalid | InactiveReason::Expired | InactiveReason::Revoked) => {
                status(Code::Unauthenticated, reason, INVALID_MESSAGE)
            }
            Rejection::Token(InactiveReason::UserDeleted) => {
                status(Code::Unauthenticated, reason, "user does not exist, bad token")
            }
            Rejection::Token(InactiveReason::UserDisabled) => {
                status(Code::Unauthenticated, reason, "user is disabled, bad token")
            }
            Rejection::NotAllowed => status(Code::PermissionDenied, reason, "permission denied"),
            Rejection::AuthUnavailable => retry(
                Code::Unavailable,
                reason,
                "the auth service cannot be asked about the token now, try again in a moment",
                RETRY_DELAY,
            ),
            Rejection::Deadline => status(Code::DeadlineExceeded, reason, "the call took longer than its deadline"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_the_index_in_all() {
        for (place, rejection) in Rejection::ALL.into_iter().enumerate() {
            assert_eq!(rejection.number(), place, "{rejection:?}");
        }
    }
}
