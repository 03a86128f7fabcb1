//! Internal errors: a fixed text and a request id for the caller, the cause for the log.

use std::error::Error;

use gatepost::log::shown_path;
use gatepost::status::Reason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::reasons::{INTERNAL, details};

/// Returns `INTERNAL` with a fixed text and a request id. Only the log has the cause, under the same id.
pub fn internal<R: Reason>(cause: &(dyn Error + 'static)) -> Status {
    let request_id = Uuid::now_v7().to_string();
    tracing::error!(request_id, cause, "internal error");
    fault::<R>(request_id)
}

/// Returns `INTERNAL` for a panic. The process's panic hook has logged its message.
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
