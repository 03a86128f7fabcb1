//! Errors of calls, and their conversion to statuses.

use std::time::Duration;

use crate::api::v1::ErrorReason;
use gatepost::Rejection;
use gatepost::status::{details, retry, status};
use kit::failure::{self, BadFields, Violation};
use kit::page::BadToken;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::domain::{Body, PostId, PostState};
use crate::store::{PostUnchanged, StoreError};

/// An error of a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlogError {
    #[error("bad fields")]
    InvalidFields(Vec<Violation>),
    #[error("the page token is forged, for another request or too old")]
    PageTokenInvalid,
    #[error("the request id belongs to another request")]
    RequestIdReused,
    #[error("there is no such post")]
    PostNotFound(String),
    #[error("the caller is neither the post's owner nor an editor")]
    NotPostOwner,
    #[error("the post has changed since the etag was read")]
    Stale,
    #[error("another post has the slug")]
    SlugTaken,
    #[error("the post's state does not allow the change")]
    WrongPostState { id: PostId, state: PostState },
    #[error("the HTML of the content is too large")]
    HtmlTooLarge(&'static str),
    #[error("the answer would be larger than a client takes")]
    AnswerTooLarge,
    #[error("the user has written more than the quota")]
    QuotaUsedUp(Duration),
    #[error("the guard's rules reject the caller")]
    Refused(Rejection),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BlogError {
    /// Returns the error of a change that was not written.
    pub(crate) fn unchanged(why: PostUnchanged, id: PostId) -> Self {
        match why {
            PostUnchanged::NotFound => Self::PostNotFound(id.to_string()),
            PostUnchanged::Stale => Self::Stale,
            PostUnchanged::SlugTaken => Self::SlugTaken,
            PostUnchanged::WrongState(state) => Self::WrongPostState { id, state },
        }
    }
}

impl BadFields for BlogError {
    fn bad_fields(&mut self) -> Option<&mut Vec<Violation>> {
        if let Self::InvalidFields(violations) = self { Some(violations) } else { None }
    }
}

impl From<BadToken> for BlogError {
    fn from(BadToken: BadToken) -> Self {
        Self::PageTokenInvalid
    }
}

impl From<BlogError> for Status {
    fn from(error: BlogError) -> Self {
        match error {
            BlogError::InvalidFields(violations) => failure::invalid_fields::<ErrorReason>(&violations),
            BlogError::HtmlTooLarge(field) => {
                failure::invalid_fields::<ErrorReason>(&[Violation::new(field, Body::RULE)])
            }
            BlogError::PageTokenInvalid => failure::page_token::<ErrorReason>(),
            BlogError::RequestIdReused => failure::request_id_reused::<ErrorReason>(),
            BlogError::PostNotFound(id) => {
                failure::not_found(ErrorReason::PostNotFound, "gatepost.blog.v1.Post", &id, "post not found")
            }
            BlogError::NotPostOwner => status(Code::PermissionDenied, ErrorReason::NotPostOwner, "permission denied"),
            BlogError::Stale => failure::stale::<ErrorReason>(),
            BlogError::SlugTaken => status(
                Code::AlreadyExists,
                ErrorReason::SlugTaken,
                "slug: another post has this slug now or had it before, choose another one",
            ),
            BlogError::WrongPostState { id, state } => wrong_post_state(id, state),
            BlogError::AnswerTooLarge => status(
                Code::ResourceExhausted,
                ErrorReason::MessageTooLarge,
                "the posts are larger than 3 MiB together: ask for fewer, or for POST_VIEW_BASIC",
            ),
            BlogError::QuotaUsedUp(wait) => {
                // Rounded up, so that a caller that waits this long succeeds.
                let wait = Duration::from_secs((wait + Duration::from_nanos(999_999_999)).as_secs());
                let message =
                    format!("you have written more than the quota of a minute, try again in {} s", wait.as_secs());
                retry(Code::ResourceExhausted, ErrorReason::QuotaUsedUp, message, wait)
            }
            BlogError::Refused(rejection) => rejection.into(),
            BlogError::Store(error) => failure::store::<ErrorReason>(&error),
        }
    }
}

/// Returns `FAILED_PRECONDITION` with the post and its state.
fn wrong_post_state(id: PostId, state: PostState) -> Status {
    let message = match state {
        PostState::Published => "the post is published already: unpublish it before you publish it again",
        PostState::Draft | PostState::Scheduled => {
            "the post is a draft already: only a published or scheduled post can be unpublished"
        }
    };
    let mut details = details(ErrorReason::WrongPostState);
    let subject = format!("gatepost.blog.v1.Post/{id}");
    details.add_precondition_failure_violation("POST_STATE", subject, message);
    Status::with_error_details(Code::FailedPrecondition, message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_has_the_shared_reasons() {
        for reason in failure::REASONS {
            let name = format!("ERROR_REASON_{reason}");
            assert!(ErrorReason::from_str_name(&name).is_some(), "{name}");
        }
    }
}
