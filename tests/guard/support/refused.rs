//! The expected statuses of refused calls.

use gatepost::AUTH_DOMAIN;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A row of the table of failures: code, reason, message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(Code, &'static str, &'static str);

impl Refused {
    pub(crate) const TOKEN_MISSING: Self =
        Self(Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
    pub(crate) const TOKEN_INVALID: Self = Self(Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    pub(crate) const TOKEN_EXPIRED: Self = Self(Code::Unauthenticated, "TOKEN_EXPIRED", "invalid token");
    pub(crate) const TOKEN_REVOKED: Self = Self(Code::Unauthenticated, "TOKEN_REVOKED", "invalid token");
    pub(crate) const USER_DELETED: Self = Self(Code::Unauthenticated, "USER_DELETED", "user does not exist, bad token");
    pub(crate) const USER_DISABLED: Self = Self(Code::Unauthenticated, "USER_DISABLED", "user is disabled, bad token");
    pub(crate) const NOT_ALLOWED: Self = Self(Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    pub(crate) const AUTH_UNAVAILABLE: Self = Self(
        Code::Unavailable,
        "AUTH_UNAVAILABLE",
        "the auth service cannot be asked about the token now, try again in a moment",
    );
    pub(crate) const DEADLINE: Self =
        Self(Code::DeadlineExceeded, "DEADLINE", "the call took longer than its deadline");

    /// Checks that the status is this row. A fault of the token's header may be present.
    #[track_caller]
    pub(crate) fn is(self, status: &Status) {
        let fault = self.check(status);
        let is_of_a_header = matches!(self, Self(_, "TOKEN_MISSING" | "TOKEN_INVALID", _));
        assert!(fault.is_none() || is_of_a_header, "{fault:?}");
    }

    /// Checks that the status is this row with this header and fault.
    #[track_caller]
    pub(crate) fn names(self, status: &Status, header: &str, fault: &str) {
        assert_eq!(self.check(status), Some((header.into(), fault.into())));
    }

    /// Checks that the status is this row without a header fault.
    #[track_caller]
    pub(crate) fn is_bare(self, status: &Status) {
        assert_eq!(self.check(status), None);
    }

    /// Checks that the status is this row, and returns its header fault.
    #[track_caller]
    fn check(self, status: &Status) -> Option<(String, String)> {
        let Self(code, reason, message) = self;
        assert_eq!((status.code(), status.message()), (code, message));
        let info = status.get_details_error_info().expect("ErrorInfo");
        assert_eq!((&*info.reason, &*info.domain), (reason, AUTH_DOMAIN));
        let comes_back = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        assert_eq!(comes_back.is_some_and(|delay| !delay.is_zero()), code == Code::Unavailable, "{status:?}");
        let details = ["header", "fault"].map(|name| info.metadata.get(name).cloned());
        let [header, fault] = details;
        let fault = header.zip(fault);
        assert_eq!(info.metadata.len(), fault.as_ref().map_or(0, |_| 2), "{info:?}");
        fault
    }
}
