//! What a call can fail with, as facts, and the one place that makes statuses of them.

use gatepost::Refusal;
use gatepost::api::blog::v1::ErrorReason;
use gatepost::status::{details, status};
use kit::failure::{self, Violation};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::store::StoreError;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("bad fields")]
    InvalidFields(Vec<Violation>),
    #[error("the page token is not ours, not for this request or too old")]
    PageTokenInvalid,
    #[error("there is no such post")]
    PostNotFound(String),
    #[error("the guard would not have let the caller in")]
    Refused(Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidFields(violations) => failure::invalid_fields::<ErrorReason>(&violations),
            Error::PageTokenInvalid => status(
                Code::InvalidArgument,
                ErrorReason::PageTokenInvalid,
                "page_token: must be the next_page_token of an answer to the same request, at most 24 hours old",
            ),
            Error::PostNotFound(id) => {
                let mut details = details(ErrorReason::PostNotFound);
                details.set_resource_info("gatepost.blog.v1.Post", id, "", "there is no such post");
                Self::with_error_details(Code::NotFound, "post not found", details)
            }
            Error::Refused(refusal) => refusal.into(),
            Error::Store(error) => failure::store::<ErrorReason>(&error),
        }
    }
}
