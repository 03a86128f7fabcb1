//! Client reactions to refused calls.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::AUTH_DOMAIN;
use crate::api::auth::v1::ErrorReason;

/// The reaction of a client to a status.
///
/// | reason (domain `auth.gatepost.dev`) | reaction |
/// | --- | --- |
/// | `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_REVOKED` | [`RefreshOnce`](Self::RefreshOnce) |
/// | `USER_DELETED`, `USER_DISABLED`, `REFRESH_TOKEN_INVALID`, `REFRESH_TOKEN_REUSED` | [`SessionOver`](Self::SessionOver) |
/// | `AUTH_UNAVAILABLE`, `STORE_UNAVAILABLE`, `STORE_FULL`, `OVERLOADED`, `TOO_MANY_ATTEMPTS` | [`Retry`](Self::Retry) |
/// | all others, and other domains | [`PassOn`](Self::PassOn) |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reaction {
    /// The token is invalid, but the session may live: call `RefreshToken` for a new one. If the new token is refused
    /// before it admits any call, the session is over.
    RefreshOnce,
    /// The session is over. Only a login starts another one.
    SessionOver,
    /// The token is not the problem. The same call may succeed later; `RetryInfo` has the delay.
    Retry,
    /// The caller must handle the status. Example: after `OUTCOME_UNKNOWN` only the caller knows if the call may be
    /// repeated.
    PassOn,
}

impl Reaction {
    /// Returns the reaction to this reason.
    pub fn from_reason(reason: ErrorReason) -> Self {
        use ErrorReason as Reason;
        match reason {
            Reason::TokenInvalid | Reason::TokenExpired | Reason::TokenRevoked => Self::RefreshOnce,
            Reason::UserDeleted | Reason::UserDisabled | Reason::RefreshTokenInvalid | Reason::RefreshTokenReused => {
                Self::SessionOver
            }
            Reason::AuthUnavailable
            | Reason::StoreUnavailable
            | Reason::StoreFull
            | Reason::Overloaded
            | Reason::TooManyAttempts => Self::Retry,
            Reason::Unspecified
            | Reason::TokenMissing
            | Reason::NotAllowed
            | Reason::InvalidCredentials
            | Reason::InvalidFields
            | Reason::EmailTaken
            | Reason::Deadline
            | Reason::Internal
            | Reason::PageTokenInvalid
            | Reason::RequestIdReused
            | Reason::UserNotFound
            | Reason::SessionNotFound
            | Reason::EtagMismatch
            | Reason::MalformedRequest
            | Reason::MessageTooLarge
            | Reason::Unimplemented
            | Reason::LastAdmin
            | Reason::OutcomeUnknown
            | Reason::ResetCodeInvalid
            | Reason::CursorExpired
            | Reason::ApiKeyNotFound
            | Reason::ApiKeyRevoked
            | Reason::TooManyApiKeys => Self::PassOn,
        }
    }
}

/// Reads the auth service's reason from a status; `None` if there is none.
pub(super) fn reason_of(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info().filter(|info| info.domain == AUTH_DOMAIN)?;
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// Returns true if the status proves that the guard admitted the call, so its token is valid.
pub(super) fn is_admitted(status: &Status) -> bool {
    !matches!(status.code(), Code::Unauthenticated | Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled)
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;
    use crate::status::status;

    #[test]
    fn each_reason_has_a_reaction() {
        let of = |reaction| {
            let all = (0..=34).filter_map(|number| ErrorReason::try_from(number).ok());
            let names = all.filter(|reason| Reaction::from_reason(*reason) == reaction).map(crate::status::reason_name);
            names.collect::<Vec<_>>()
        };
        assert_eq!(of(Reaction::RefreshOnce), ["TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED"]);
        let over = ["USER_DELETED", "USER_DISABLED", "REFRESH_TOKEN_REUSED", "REFRESH_TOKEN_INVALID"];
        assert_eq!(of(Reaction::SessionOver), over);
        let retried = ["AUTH_UNAVAILABLE", "OVERLOADED", "STORE_UNAVAILABLE", "STORE_FULL", "TOO_MANY_ATTEMPTS"];
        assert_eq!(of(Reaction::Retry), retried);
        assert_eq!(of(Reaction::PassOn).len(), 35 - 3 - 4 - 5);
    }

    #[test]
    fn reason_is_read_only_in_its_own_domain() {
        let ours = status(Code::Unauthenticated, ErrorReason::TokenExpired, "");
        assert_eq!(reason_of(&ours), Some(ErrorReason::TokenExpired));
        let details = ErrorDetails::with_error_info("TOKEN_EXPIRED", "shop.example.com", []);
        let theirs = Status::with_error_details(Code::Unauthenticated, "", details);
        assert_eq!((reason_of(&theirs), reason_of(&Status::unauthenticated(""))), (None, None));
    }
}
