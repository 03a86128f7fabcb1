//! Translation of the transport's own statuses into the contract's.
//!
//! Outside of handlers tonic answers by itself, without a reason. A malformed message gets `INTERNAL` with names of
//! fields, a message that is too large `OUT_OF_RANGE`, and an unknown method `UNIMPLEMENTED`. These statuses are in the
//! response headers, before any message. Streams need no translation: health sends no status of its own, and reflection
//! ends without a status after a malformed message.

use gatepost::log::shown_path;
use gatepost::status::Reason;
use http::Response;
use tonic::{Code, Status};

use super::gzip;
use crate::failure;

pub(super) const STATUS_HEADER: &str = "grpc-status";
const MESSAGE_HEADER: &str = "grpc-message";
const DETAILS_HEADER: &str = "grpc-status-details-bin";

/// Replaces the transport's own status in a response with the contract's.
///
/// A status with details comes from the service itself: a test of the house rules ensures that the service sends no
/// status without details. Health and reflection send statuses without details, but with codes that stay as they are.
pub(super) fn translate<R: Reason, T>(method: &str, mut response: Response<T>) -> Response<T> {
    let headers = response.headers();
    let Some(code) = headers.get(STATUS_HEADER).filter(|_| !headers.contains_key(DETAILS_HEADER)) else {
        return response;
    };
    let code = Code::from_bytes(code.as_bytes());
    // Only the refusal of an unknown compression lists the supported ones.
    let is_compression = code == Code::Unimplemented && gzip::correct_list(response.headers_mut());
    let status: Status = match code {
        Code::Internal => failure::malformed::<R>(),
        Code::OutOfRange => failure::too_large::<R>(),
        Code::Cancelled => failure::deadline::<R>(),
        Code::Unimplemented if is_compression => failure::unknown_compression::<R>(),
        Code::Unimplemented => failure::unknown_method::<R>(),
        _ => return response,
    };
    // For an unknown compression the message repeats the caller's text, which may be a token in the wrong header (C66).
    let text = response.headers().get(MESSAGE_HEADER).filter(|_| code != Code::Unimplemented);
    tracing::debug!(method = &*shown_path(method), ?code, ?text, "the transport refused the call");
    let (ours, ()) = status.into_http::<()>().into_parts();
    // Other headers of the transport stay, such as the accepted compressions.
    response.headers_mut().extend(ours.headers);
    response.extensions_mut().extend(ours.extensions);
    response
}

#[cfg(test)]
mod tests {
    use http::header;
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::failure::Sample;

    /// Returns the code and the reason that a client reads for this status.
    fn read(status: Status) -> (Code, Option<String>) {
        let response = translate::<Sample, ()>("/a.B/C", status.into_http());
        assert_eq!(response.headers().get_all(STATUS_HEADER).iter().count(), 1);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/grpc");
        let status = Status::from_header_map(response.headers()).unwrap();
        (status.code(), status.get_details_error_info().map(|info| info.reason))
    }

    #[test]
    fn codes_of_the_transport_get_a_reason() {
        for code in (0..=16).map(Code::from) {
            let expected = match code {
                Code::Internal => (Code::InvalidArgument, Some("MALFORMED_REQUEST")),
                Code::OutOfRange => (Code::ResourceExhausted, Some("MESSAGE_TOO_LARGE")),
                Code::Cancelled => (Code::DeadlineExceeded, Some("DEADLINE")),
                Code::Unimplemented => (Code::Unimplemented, Some("UNIMPLEMENTED")),
                code => (code, None),
            };
            let (code, reason) = read(Status::new(code, "what the transport says"));
            assert_eq!((code, reason.as_deref()), expected);
        }
    }

    #[test]
    fn status_of_the_service_is_unchanged() {
        let status = failure::panicked::<Sample>("/a.B/C");
        assert_eq!(read(status), (Code::Internal, Some("INTERNAL".into())));
    }

    #[test]
    fn other_headers_of_the_transport_stay() {
        let mut status = Status::unimplemented("Content is compressed with `lzma` which isn't supported");
        status.metadata_mut().insert("grpc-accept-encoding", "identity".parse().unwrap());
        let response = translate::<Sample, ()>("/a.B/C", status.into_http());
        assert_eq!(response.headers()["grpc-accept-encoding"], "identity,gzip");
        let message = Status::from_header_map(response.headers()).unwrap().message().to_owned();
        assert!(message.contains("compression") && !message.contains("lzma"), "{message}");
    }

    #[test]
    fn answer_without_a_grpc_status_is_unchanged() {
        let response = translate::<Sample, ()>("/a.B/C", Response::new(()));
        assert!(response.headers().is_empty());
    }
}
