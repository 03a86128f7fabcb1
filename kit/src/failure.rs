//! The statuses that both services answer for the same failures, each under its own domain.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use gatepost::log::{LogLimit, shown_path};
use gatepost::status::{self, Reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use uuid::Uuid;

use crate::serve::Elsewhere;

/// The most violations that a status names.
const MAX_VIOLATIONS: usize = 20;

/// How long a caller waits before it tries again when the database is away or full.
const STORE_DELAY: Duration = Duration::from_secs(1);

// Each call during an outage has one of these lines, and calls need no token for it.
static AWAY_LINES: LogLimit = LogLimit::new();
static FULL_LINES: LogLimit = LogLimit::new();
static UNKNOWN_LINES: LogLimit = LogLimit::new();

/// Reasons that the contract of each service has, by their names on the wire.
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

const INVALID_FIELDS: &str = "INVALID_FIELDS";
const STORE_UNAVAILABLE: &str = "STORE_UNAVAILABLE";
const STORE_FULL: &str = "STORE_FULL";
const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";
const DEADLINE: &str = "DEADLINE";
const MALFORMED_REQUEST: &str = "MALFORMED_REQUEST";
const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
const OVERLOADED: &str = "OVERLOADED";
const UNIMPLEMENTED: &str = "UNIMPLEMENTED";
const INTERNAL: &str = "INTERNAL";
const PAGE_TOKEN_INVALID: &str = "PAGE_TOKEN_INVALID";
const REQUEST_ID_REUSED: &str = "REQUEST_ID_REUSED";
const ETAG_MISMATCH: &str = "ETAG_MISMATCH";

/// Returns `ErrorInfo` with one of the reasons above, in the domain of `R`.
fn details<R: Reason>(reason: &str) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, R::DOMAIN, [])
}

fn status<R: Reason>(code: Code, reason: &str, message: &str) -> Status {
    Status::with_error_details(code, message, details::<R>(reason))
}

/// Returns a status that asks the caller to come back in a second.
fn retry<R: Reason>(code: Code, reason: &str, message: &str) -> Status {
    let mut details = details::<R>(reason);
    details.set_retry_info(Some(STORE_DELAY));
    Status::with_error_details(code, message, details)
}

/// A field of a request and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's path as in the request.
    pub field: Cow<'static, str>,
    /// What the field must be, as a sentence that can stand alone.
    pub description: Cow<'static, str>,
}

impl Violation {
    /// The field of this path breaks this rule.
    pub fn new(field: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// An error that may stand for bad fields.
pub trait BadFields {
    /// Returns the violations; `None` if the error is another one.
    fn bad_fields(&mut self) -> Option<&mut Vec<Violation>>;
}

/// Returns both, or all that is wrong with either: a caller learns of every bad field at once.
///
/// # Errors
/// The violations of both if both have some, and else the first error.
pub fn both<A, B, E: BadFields>(one: Result<A, E>, other: Result<B, E>) -> Result<(A, B), E> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(mut error), Err(mut other)) => {
            if let (Some(all), Some(more)) = (error.bad_fields(), other.bad_fields()) {
                all.append(more);
            }
            Err(error)
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// `INVALID_ARGUMENT` that names each bad field, in its message, too: not every client decodes details.
pub fn invalid_fields<R: Reason>(violations: &[Violation]) -> Status {
    let shown = &violations[..violations.len().min(MAX_VIOLATIONS)];
    let mut details = details::<R>(INVALID_FIELDS);
    let mut message = String::new();
    for Violation { field, description } in shown {
        details.add_bad_request_violation(field.as_ref(), description.as_ref());
        message = format!("{message}{}{field}: {description}", if message.is_empty() { "" } else { "; " });
    }
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// `INVALID_ARGUMENT` for a page token that does not open.
pub fn page_token<R: Reason>() -> Status {
    status::<R>(
        Code::InvalidArgument,
        PAGE_TOKEN_INVALID,
        "page_token: must be the next_page_token of an answer to the same request, at most 24 hours old",
    )
}

/// `ALREADY_EXISTS` for a request id that stands for another request.
pub fn request_id_reused<R: Reason>() -> Status {
    status::<R>(
        Code::AlreadyExists,
        REQUEST_ID_REUSED,
        "request_id: was used for another request within the last 24 hours, draw a new UUID for each request",
    )
}

/// `ABORTED` for an etag of another state of the resource.
pub fn stale<R: Reason>() -> Status {
    status::<R>(
        Code::Aborted,
        ETAG_MISMATCH,
        "etag: the resource has changed since it was read, read it again and retry",
    )
}

/// `NOT_FOUND` that names the resource: its type in the contract and its id.
pub fn not_found<R: Reason>(reason: R, kind: &str, id: &str, message: &'static str) -> Status {
    let mut details = status::details(reason);
    details.set_resource_info(kind, id, "", message);
    Status::with_error_details(Code::NotFound, message, details)
}

/// `RESOURCE_EXHAUSTED` for a call whose messages find no room in the server's memory.
pub fn overloaded<R: Reason>() -> Status {
    retry::<R>(Code::ResourceExhausted, OVERLOADED, "the service has no room for this call now, try again in a moment")
}

/// What depends on the database cannot be done now.
pub fn store_unavailable<R: Reason>() -> Status {
    retry::<R>(Code::Unavailable, STORE_UNAVAILABLE, "the database cannot be reached now, try again in a moment")
}

/// A database's failure to do its work, with the driver's error.
#[derive(Clone, Copy, Debug)]
pub enum StoreFailure<'a> {
    /// The database is away and has written nothing.
    Unavailable(&'a (dyn Error + 'static)),
    /// The disk is full: nothing was written.
    Full,
    /// The database has not answered a commit.
    Unknown(&'a (dyn Error + 'static)),
    /// A fault of the service or of the file.
    Fault(&'a (dyn Error + 'static)),
}

/// Returns the status for a database that did not do its work; logs what is a fault.
pub fn store<'a, R: Reason>(failure: impl Into<StoreFailure<'a>>) -> Status {
    match failure.into() {
        StoreFailure::Unavailable(cause) => {
            if let Some(line) = AWAY_LINES.allow() {
                tracing::warn!(%cause, left_out = line.left_out(), "the database is away");
            }
            store_unavailable::<R>()
        }
        StoreFailure::Full => {
            if let Some(line) = FULL_LINES.allow() {
                tracing::error!(left_out = line.left_out(), "the database's disk is full");
            }
            retry::<R>(
                Code::ResourceExhausted,
                STORE_FULL,
                "the service's disk is full: nothing was written, try again when its operator has made room",
            )
        }
        StoreFailure::Unknown(cause) => {
            if let Some(line) = UNKNOWN_LINES.allow() {
                tracing::warn!(%cause, left_out = line.left_out(), "the database has not answered a commit");
            }
            outcome_unknown::<R>()
        }
        StoreFailure::Fault(cause) => internal::<R>(cause),
    }
}

/// `DEADLINE_EXCEEDED` for a write that may stand. It is not `UNAVAILABLE`, which clients repeat by themselves.
pub fn outcome_unknown<R: Reason>() -> Status {
    status::<R>(
        Code::DeadlineExceeded,
        OUTCOME_UNKNOWN,
        "the database has not said whether this was written: read it before you repeat the call, or repeat it with the same \
         request_id",
    )
}

/// `DEADLINE_EXCEEDED` of the service's own limit or the caller's.
pub fn deadline<R: Reason>() -> Status {
    status::<R>(Code::DeadlineExceeded, DEADLINE, "the call took longer than its deadline, try again with a longer one")
}

/// `INVALID_ARGUMENT` for bytes that no message of the method has. The sentence is fixed: what a decoder says names our
/// fields.
pub fn malformed<R: Reason>() -> Status {
    status::<R>(
        Code::InvalidArgument,
        MALFORMED_REQUEST,
        "the request cannot be read as this method's message: encode it by the contract that reflection serves, and send \
         it whole",
    )
}

/// `RESOURCE_EXHAUSTED` for a request above the service's limit.
pub fn too_large<R: Reason>() -> Status {
    status::<R>(
        Code::ResourceExhausted,
        MESSAGE_TOO_LARGE,
        "the request is larger than this service takes: send less in one call",
    )
}

/// `UNIMPLEMENTED` for a method or a compression that the service does not have.
pub fn unimplemented<R: Reason>() -> Status {
    status::<R>(
        Code::Unimplemented,
        UNIMPLEMENTED,
        "this service has no such method, or does not read this compression: call what reflection lists, uncompressed",
    )
}

/// Returns `UNIMPLEMENTED` for a method of Gatepost's other service, with where it may be.
pub fn elsewhere<R: Reason>(elsewhere: &Elsewhere) -> Status {
    let Elsewhere { package, service, default_port, setting } = elsewhere;
    let port = default_port.to_string();
    let metadata = [("service", *service), ("default_port", port.as_str()), ("setting", *setting)];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let details = ErrorDetails::with_error_info(UNIMPLEMENTED, R::DOMAIN, metadata);
    let message =
        format!("{package} is not served on this port: call {service}, on port {port} unless {setting} says otherwise");
    Status::with_error_details(Code::Unimplemented, message, details)
}

/// `INTERNAL` with a fixed sentence and a request id; the cause is logged under that id and goes nowhere else.
pub fn internal<R: Reason>(cause: &(dyn Error + 'static)) -> Status {
    let request_id = Uuid::now_v7().to_string();
    tracing::error!(request_id, cause, "internal error");
    fault::<R>(request_id)
}

/// `INTERNAL` for a panic, whose message the process's panic hook has logged.
pub fn panicked<R: Reason>(method: &str) -> Status {
    let request_id = Uuid::now_v7().to_string();
    tracing::error!(request_id, method = &*shown_path(method), "a handler panicked");
    fault::<R>(request_id)
}

fn fault<R: Reason>(request_id: String) -> Status {
    let mut details = details::<R>(INTERNAL);
    details.set_request_info(request_id, "");
    Status::with_error_details(
        Code::Internal,
        "internal error: tell the service's operator the request id in the details",
        details,
    )
}

#[cfg(test)]
mod tests {
    use gatepost::api::auth::v1::ErrorReason;

    use super::*;

    #[test]
    fn at_most_twenty_bad_fields_are_named_in_the_text_and_in_the_details() {
        let violations: Vec<_> = (0..25).map(|number| Violation::new("field", format!("rule {number}"))).collect();
        let status = invalid_fields::<ErrorReason>(&violations);
        let named = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!((named.len(), named[19].description.as_str()), (20, "rule 19"));
        assert!(status.message().ends_with("field: rule 19"), "{}", status.message());
    }
}
