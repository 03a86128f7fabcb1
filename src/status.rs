//! Machine-readable statuses: each carries `google.rpc.ErrorInfo` (AIP-193).

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::api::auth;

/// The `ErrorInfo.domain` of the auth service and of every guard.
pub const AUTH_DOMAIN: &str = "auth.gatepost.dev";

/// A machine-readable reason: a value of a contract's `ErrorReason`, and its domain.
pub trait Reason: Copy + Send + Sync + 'static {
    /// The `ErrorInfo.domain` of all reasons of this type.
    const DOMAIN: &'static str;

    /// Returns the value's name in the contract, `ERROR_REASON_…`.
    fn name(self) -> &'static str;
}

impl Reason for auth::v1::ErrorReason {
    const DOMAIN: &'static str = AUTH_DOMAIN;

    fn name(self) -> &'static str {
        self.as_str_name()
    }
}

/// Returns the name for `ErrorInfo.reason`: the contract's name without the prefix `ERROR_REASON_`.
pub fn reason_name<R: Reason>(reason: R) -> &'static str {
    let name = reason.name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// Returns `ErrorInfo` for this reason. The caller can add further details.
pub fn details<R: Reason>(reason: R) -> ErrorDetails {
    ErrorDetails::with_error_info(reason_name(reason), R::DOMAIN, [])
}

/// Returns `ErrorInfo` for this reason with metadata.
pub fn details_with<R: Reason, const N: usize>(reason: R, metadata: [(&str, &str); N]) -> ErrorDetails {
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ErrorDetails::with_error_info(reason_name(reason), R::DOMAIN, metadata)
}

/// Returns a status with this reason and no other details.
pub fn status<R: Reason>(code: Code, reason: R, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, details(reason))
}

/// Returns a status with this reason and `RetryInfo`: the caller may retry after `delay`.
pub fn retry<R: Reason>(code: Code, reason: R, message: impl Into<String>, delay: Duration) -> Status {
    let mut details = details(reason);
    details.set_retry_info(Some(delay));
    Status::with_error_details(code, message, details)
}
