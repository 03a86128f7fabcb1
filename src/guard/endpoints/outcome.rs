//! The outcome of a request, as it concerns the endpoint.

use std::error::Error as _;

use tonic::{Code, Status};

/// Returns true if the auth service itself answered. Statuses of the transport have a source, except for its timeout.
pub(in crate::guard) fn is_answered<T>(answer: &Result<T, Status>) -> bool {
    answer.as_ref().err().is_none_or(|status| status.source().is_none() && status.code() != Code::Cancelled)
}

/// Returns true if another endpoint may do better: this one did not answer, or cannot verify tokens now.
pub(in crate::guard) fn is_endpoint_fault<T>(answer: &Result<T, Status>) -> bool {
    !is_answered(answer) || answer.as_ref().is_err_and(|status| status.code() == Code::Unavailable)
}

/// Returns the transport's causes of a failed connection; empty for a status from the peer.
pub(in crate::guard) fn causes(status: &Status) -> String {
    let causes = std::iter::successors(status.source(), |&cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
