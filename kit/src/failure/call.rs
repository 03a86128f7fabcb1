//! Statuses for faults of a call, and for calls that the server cannot take.

use std::ops::Range;
use std::time::Duration;

use gatepost::status::{Reason, details};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::reasons::{
    DEADLINE, ETAG_MISMATCH, MALFORMED_REQUEST, MESSAGE_TOO_LARGE, OVERLOADED, PAGE_TOKEN_INVALID, REQUEST_ID_REUSED,
    UNIMPLEMENTED, retry_after, status,
};

/// Trailer that tells a client with a retry policy when to retry.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Milliseconds after which a refused call comes back.
const PUSHBACK_MILLIS: Range<u64> = 500..1500;

/// The same times while the processor is saturated. Refusals that come back sooner would take the rest of it.
const SATURATED_PUSHBACK_MILLIS: Range<u64> = 2000..6000;

/// Returns `INVALID_ARGUMENT` for an invalid page token.
pub fn page_token<R: Reason>() -> Status {
    status::<R>(
        Code::InvalidArgument,
        PAGE_TOKEN_INVALID,
        "page_token: must be the next_page_token of an answer to the same request, at most 24 hours old",
    )
}

/// Returns `ALREADY_EXISTS` for a request id of another request.
pub fn request_id_reused<R: Reason>() -> Status {
    status::<R>(
        Code::AlreadyExists,
        REQUEST_ID_REUSED,
        "request_id: was used for another request within the last 24 hours, draw a new UUID for each request",
    )
}

/// Returns `ABORTED` for an etag of another revision.
pub fn stale<R: Reason>() -> Status {
    status::<R>(
        Code::Aborted,
        ETAG_MISMATCH,
        "etag: the resource has changed since it was read, read it again and retry",
    )
}

/// Returns `NOT_FOUND` with the resource's type in the contract and its id.
pub fn not_found<R: Reason>(reason: R, kind: &str, id: &str, message: &'static str) -> Status {
    let mut details = details(reason);
    details.set_resource_info(kind, id, "", message);
    Status::with_error_details(Code::NotFound, message, details)
}

/// Returns `RESOURCE_EXHAUSTED` for a call for which the server has no place or no memory.
///
/// A client with a retry policy waits exactly as long as the pushback says (gRFC A6), and other clients as long as
/// `RetryInfo` says. Both are the same and vary, so that refused calls do not come back at the same time.
pub fn overloaded<R: Reason>() -> Status {
    pushed_back::<R>(&PUSHBACK_MILLIS)
}

/// Returns the same status with a longer pushback, for a call for which the server has no processor time.
pub fn saturated<R: Reason>() -> Status {
    pushed_back::<R>(&SATURATED_PUSHBACK_MILLIS)
}

fn pushed_back<R: Reason>(millis: &Range<u64>) -> Status {
    const TEXT: &str = "the service has no room for this call now, try again in a moment";
    let [high, low] = crate::random::bytes::<2>();
    let wait = millis.start + u64::from(u16::from_be_bytes([high, low])) % (millis.end - millis.start);
    let mut status = retry_after::<R>(Code::ResourceExhausted, OVERLOADED, TEXT, Duration::from_millis(wait));
    status.metadata_mut().insert(PUSHBACK, wait.into());
    status
}

/// Returns `DEADLINE_EXCEEDED` for the service's deadline or the caller's.
pub fn deadline<R: Reason>() -> Status {
    status::<R>(Code::DeadlineExceeded, DEADLINE, "the call took longer than its deadline, try again with a longer one")
}

/// Returns `INVALID_ARGUMENT` for bytes that do not decode. The text is fixed, because a decoder's message names
/// internal fields.
pub fn malformed<R: Reason>() -> Status {
    status::<R>(
        Code::InvalidArgument,
        MALFORMED_REQUEST,
        "the request cannot be read as this method's message: encode it by the contract that reflection serves, and send \
         it whole",
    )
}

/// Returns `RESOURCE_EXHAUSTED` for a request above the service's limit.
pub fn too_large<R: Reason>() -> Status {
    status::<R>(
        Code::ResourceExhausted,
        MESSAGE_TOO_LARGE,
        "the request is larger than this service takes: send less in one call",
    )
}

/// Returns `UNIMPLEMENTED` for an unknown method.
pub fn unknown_method<R: Reason>() -> Status {
    status::<R>(
        Code::Unimplemented,
        UNIMPLEMENTED,
        "this service has no such method: call one that reflection lists, by its full name",
    )
}

/// Returns `UNIMPLEMENTED` for a request with an unknown compression.
pub fn unknown_compression<R: Reason>() -> Status {
    status::<R>(
        Code::Unimplemented,
        UNIMPLEMENTED,
        "this service does not read this compression: send the request with gzip or uncompressed",
    )
}
