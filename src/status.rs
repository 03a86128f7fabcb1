//! Statuses that a machine can read: each carries `google.rpc.ErrorInfo` (AIP-193).

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::api::auth;

/// The `ErrorInfo.domain` of the auth service and of every guard.
pub const AUTH_DOMAIN: &str = "auth.gatepost.dev";

/// A machine-readable cause: a value of a contract's `ErrorReason` and the domain that it belongs to.
pub trait Reason: Copy + Send + Sync + 'static {
    /// `ErrorInfo.domain`.
    const DOMAIN: &'static str;

    /// The value's name in the contract, `ERROR_REASON_…`.
    fn name(self) -> &'static str;
}

impl Reason for auth::v1::ErrorReason {
    const DOMAIN: &'static str = AUTH_DOMAIN;

    fn name(self) -> &'static str {
        self.as_str_name()
    }
}

/// The value's name as it stands in `ErrorInfo.reason`: without the prefix that all of them share.
pub fn reason_name<R: Reason>(reason: R) -> &'static str {
    let name = reason.name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// `ErrorInfo` for this reason, to which further details can be added.
pub fn details<R: Reason>(reason: R) -> ErrorDetails {
    ErrorDetails::with_error_info(reason_name(reason), R::DOMAIN, [])
}

/// Returns `ErrorInfo` for this reason with further words for machines.
pub fn details_with<R: Reason, const N: usize>(reason: R, metadata: [(&str, &str); N]) -> ErrorDetails {
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ErrorDetails::with_error_info(reason_name(reason), R::DOMAIN, metadata)
}

/// A status with this reason and nothing else to say.
pub fn status<R: Reason>(code: Code, reason: R, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, details(reason))
}

/// A status that tells the caller to come back after `delay`.
pub fn retry<R: Reason>(code: Code, reason: R, message: impl Into<String>, delay: Duration) -> Status {
    let mut details = details(reason);
    details.set_retry_info(Some(delay));
    Status::with_error_details(code, message, details)
}
