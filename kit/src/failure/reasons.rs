//! Reasons that all contracts share, and statuses with these reasons.

use std::time::Duration;

use gatepost::status::Reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Time after which a caller should retry.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Reasons in the contract of each service, by their names on the wire.
pub const REASONS: [&str; 13] = [
    INVALID_FIELDS,
    STORE_UNAVAILABLE,
    STORE_FULL,
    OUTCOME_UNKNOWN,
    DEADLINE,
    MALFORMED_REQUEST,
    MESSAGE_TOO_LARGE,
    OVERLOADED,
    UNIMPLEMENTED,
    INTERNAL,
    PAGE_TOKEN_INVALID,
    REQUEST_ID_REUSED,
    ETAG_MISMATCH,
];

pub(super) const INVALID_FIELDS: &str = "INVALID_FIELDS";
pub(super) const STORE_UNAVAILABLE: &str = "STORE_UNAVAILABLE";
pub(super) const STORE_FULL: &str = "STORE_FULL";
pub(super) const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";
pub(super) const DEADLINE: &str = "DEADLINE";
pub(super) const MALFORMED_REQUEST: &str = "MALFORMED_REQUEST";
pub(super) const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
pub(super) const OVERLOADED: &str = "OVERLOADED";
pub(crate) const UNIMPLEMENTED: &str = "UNIMPLEMENTED";
pub(super) const INTERNAL: &str = "INTERNAL";
pub(super) const PAGE_TOKEN_INVALID: &str = "PAGE_TOKEN_INVALID";
pub(super) const REQUEST_ID_REUSED: &str = "REQUEST_ID_REUSED";
pub(super) const ETAG_MISMATCH: &str = "ETAG_MISMATCH";

/// Returns `ErrorInfo` with a shared reason, in the domain of `R`.
pub(super) fn details<R: Reason>(reason: &str) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, R::DOMAIN, [])
}

pub(super) fn status<R: Reason>(code: Code, reason: &str, message: &str) -> Status {
    Status::with_error_details(code, message, details::<R>(reason))
}

/// Returns a status that asks the caller to retry after a second.
pub(super) fn retry<R: Reason>(code: Code, reason: &str, message: &str) -> Status {
    retry_after::<R>(code, reason, message, RETRY_DELAY)
}

/// Returns a status with `RetryInfo` of this delay.
pub(super) fn retry_after<R: Reason>(code: Code, reason: &str, message: &str, delay: Duration) -> Status {
    let mut details = details::<R>(reason);
    details.set_retry_info(Some(delay));
    Status::with_error_details(code, message, details)
}

/// Reason for tests of the kit.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample;

#[cfg(test)]
impl Reason for Sample {
    const DOMAIN: &'static str = "sample";

    fn name(self) -> &'static str {
        "ERROR_REASON_SAMPLE"
    }
}
