//! What the transport itself answers, said in the contract's words.
//!
//! tonic speaks for us where no handler does: of a message that does not decode it says `INTERNAL` and names our fields,
//! of one above the limit `OUT_OF_RANGE`, of a method that is not there `UNIMPLEMENTED`, each without a reason. All of it
//! comes as headers, before any answer has begun: of the streams that we serve, health's sends no status of its own, and
//! reflection's ends without one when its input is garbage.

use gatepost::log::shown_path;
use gatepost::status::Reason;
use http::Response;
use tonic::{Code, Status};

use crate::failure;

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
const DETAILS: &str = "grpc-status-details-bin";

/// The same response, with a status of ours in place of the transport's own.
///
/// Every status of ours has details, and a house rule keeps it so; health and reflection answer by contracts that know
/// none, with codes other than these.
pub(super) fn translate<R: Reason, T>(method: &str, mut response: Response<T>) -> Response<T> {
    let headers = response.headers();
    let Some(code) = headers.get(STATUS).filter(|_| !headers.contains_key(DETAILS)) else { return response };
    let code = Code::from_bytes(code.as_bytes());
    let status: Status = match code {
        Code::Internal => failure::malformed::<R>(),
        Code::OutOfRange => failure::too_large::<R>(),
        Code::Cancelled => failure::deadline::<R>(),
        Code::Unimplemented => failure::unimplemented::<R>(),
        _ => return response,
    };
    // Of a compression the transport repeats the name, which is the caller's own text: a token that stands in the wrong
    // header, for instance (C66).
    let said = headers.get(MESSAGE).filter(|_| code != Code::Unimplemented);
    tracing::debug!(method = &*shown_path(method), ?code, ?said, "the transport refused the call");
    let (ours, ()) = status.into_http::<()>().into_parts();
    // What else the transport says stays, such as the compressions that it reads.
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

    /// The code and the reason that a client reads in the place of this status.
    fn read(status: Status) -> (Code, Option<String>) {
        let response = translate::<Sample, ()>("/a.B/C", status.into_http());
        assert_eq!(response.headers().get_all(STATUS).iter().count(), 1);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/grpc");
        let status = Status::from_header_map(response.headers()).unwrap();
        (status.code(), status.get_details_error_info().map(|info| info.reason))
    }

    #[test]
    fn the_transports_own_codes_get_a_reason_and_all_others_stay() {
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
    fn a_status_of_ours_is_left_alone() {
        let status = failure::panicked::<Sample>("/a.B/C");
        assert_eq!(read(status), (Code::Internal, Some("INTERNAL".into())));
    }

    #[test]
    fn what_else_the_transport_says_stays() {
        let mut status = Status::unimplemented("Content is compressed with `gzip` which isn't supported");
        status.metadata_mut().insert("grpc-accept-encoding", "identity".parse().unwrap());
        let response = translate::<Sample, ()>("/a.B/C", status.into_http());
        assert_eq!(response.headers()["grpc-accept-encoding"], "identity");
        assert!(!Status::from_header_map(response.headers()).unwrap().message().contains("gzip"));
    }

    #[test]
    fn an_answer_that_is_no_grpc_stays_as_it_is() {
        let response = translate::<Sample, ()>("/a.B/C", Response::new(()));
        assert!(response.headers().is_empty());
    }
}
