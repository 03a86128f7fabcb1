//! What a refused caller is told, row by row.

use gatepost::AUTH_DOMAIN;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// One row of the table of failures: code, reason, message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(Code, &'static str, &'static str);

impl Refused {
    pub(crate) const TOKEN_MISSING: Self =
        Self(Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
    pub(crate) const TOKEN_INVALID: Self = Self(Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    pub(crate) const TOKEN_EXPIRED: Self = Self(Code::Unauthenticated, "TOKEN_EXPIRED", "invalid token");
    pub(crate) const TOKEN_REVOKED: Self = Self(Code::Unauthenticated, "TOKEN_REVOKED", "invalid token");
    pub(crate) const USER_DELETED: Self = Self(Code::Unauthenticated, "USER_DELETED", "user does not exist, bad token");
    pub(crate) const USER_DISABLED: Self =
        Self(Code::Unauthenticated, "USER_DISABLED", "user does not exist, bad token");
    pub(crate) const NOT_ALLOWED: Self = Self(Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    pub(crate) const AUTH_UNAVAILABLE: Self = Self(
        Code::Unavailable,
        "AUTH_UNAVAILABLE",
        "the auth service cannot be asked about the token now, try again in a moment",
    );
    pub(crate) const DEADLINE: Self =
        Self(Code::DeadlineExceeded, "DEADLINE", "the call took longer than its deadline");

    /// This status is that row, and says no more.
    #[track_caller]
    pub(crate) fn is(self, status: &Status) {
        let Self(code, reason, message) = self;
        assert_eq!((status.code(), status.message()), (code, message));
        let info = status.get_details_error_info().expect("ErrorInfo");
        assert_eq!((&*info.reason, &*info.domain), (reason, AUTH_DOMAIN));
        assert!(info.metadata.is_empty(), "{info:?}");
        let comes_back = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        assert_eq!(comes_back.is_some_and(|delay| !delay.is_zero()), code == Code::Unavailable, "{status:?}");
    }
}
