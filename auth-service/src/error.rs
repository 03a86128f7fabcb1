//! Errors of calls, as facts, and their only conversion to gRPC statuses.

use std::borrow::Cow;
use std::time::Duration;

use chrono::TimeDelta;
use gatepost::api::auth::v1::ErrorReason;
use gatepost::status::{details, reason_name, retry, status};
use gatepost::{InactiveReason, Rejection};
use kit::failure::{self, BadFields, Violation};
use kit::page::BadToken;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::domain::UserId;
use crate::passwords::HashError;
use crate::store::{StoreError, Unchanged};
use crate::tokens::SignError;
use crate::view::StaleView;

/// Time after which a caller may try again while the hashing queue is full.
const HASH_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Time after which a caller may try again while too many streams of audit events are open.
const WATCHER_RETRY_DELAY: Duration = Duration::from_secs(10);

/// Cause of a failed call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("bad fields")]
    InvalidFields(Vec<Violation>),
    #[error("no user has this email and password")]
    InvalidCredentials,
    #[error("the refresh token has been used before")]
    RefreshTokenReused,
    #[error("no session can be refreshed with this token")]
    RefreshTokenInvalid,
    #[error("the reset code is unknown, used or expired, or its user is disabled")]
    ResetCodeInvalid,
    #[error("too many wrong passwords or registrations")]
    TooManyAttempts(TimeDelta),
    #[error("too many logins or refreshes from one address")]
    TooManyCalls(Duration),
    #[error("another user has this email")]
    EmailTaken,
    #[error("the page token is unknown, of another request or too old")]
    PageTokenInvalid,
    #[error("events after the cursor are gone")]
    CursorExpired,
    #[error("too many streams of audit events are open")]
    TooManyWatchers,
    #[error("the request id belongs to another request")]
    RequestIdReused,
    #[error("there is no such user")]
    UserNotFound(String),
    #[error("there is no such session that the caller may see")]
    SessionNotFound(String),
    #[error("the user has changed since the etag was read")]
    Stale,
    #[error("no other active user is an admin")]
    LastAdmin,
    #[error("there is no such API key")]
    ApiKeyNotFound(String),
    #[error("the API key was revoked")]
    ApiKeyRevoked,
    #[error("there are as many API keys as the replicas hold in memory")]
    TooManyApiKeys,
    #[error("the log has lost the entry of this change")]
    Lost,
    #[error("the guard's rules reject the caller")]
    Refused(Rejection),
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    View(#[from] StaleView),
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl AuthError {
    /// Returns the error of a field that breaks this rule.
    pub(crate) fn violation(field: impl Into<Cow<'static, str>>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidFields(vec![Violation::new(field, rule)])
    }

    /// Converts the reason why the user with this id was not changed.
    pub(crate) fn unchanged(cause: Unchanged, id: UserId) -> Self {
        match cause {
            Unchanged::NotFound => Self::UserNotFound(id.to_string()),
            Unchanged::Stale => Self::Stale,
            Unchanged::LastAdmin => Self::LastAdmin,
            Unchanged::EmailTaken => Self::EmailTaken,
            // Another change made the password proof invalid, and has also killed this call's own token.
            Unchanged::Outdated => Self::Refused(Rejection::Token(InactiveReason::Revoked)),
        }
    }
}

/// Rounds up to whole seconds, so that a caller that waits this long has waited long enough.
fn whole_seconds(wait: TimeDelta) -> Duration {
    let seconds = u64::try_from(wait.num_milliseconds()).unwrap_or_default().div_ceil(1000);
    Duration::from_secs(seconds)
}

fn too_many(wait: Duration) -> Status {
    let message = format!("too many attempts, try again in {} s", wait.as_secs());
    retry(Code::ResourceExhausted, ErrorReason::TooManyAttempts, message, wait)
}

fn precondition(reason: ErrorReason, resource: &str, text: &'static str) -> Status {
    let mut details = details(reason);
    details.add_precondition_failure_violation(reason_name(reason), resource, text);
    Status::with_error_details(Code::FailedPrecondition, text, details)
}

impl BadFields for AuthError {
    fn bad_fields(&mut self) -> Option<&mut Vec<Violation>> {
        if let Self::InvalidFields(violations) = self { Some(violations) } else { None }
    }
}

impl From<BadToken> for AuthError {
    fn from(BadToken: BadToken) -> Self {
        Self::PageTokenInvalid
    }
}

impl From<AuthError> for Status {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::InvalidFields(violations) => failure::invalid_fields::<ErrorReason>(&violations),
            AuthError::InvalidCredentials => {
                status(Code::Unauthenticated, ErrorReason::InvalidCredentials, "invalid credentials")
            }
            AuthError::RefreshTokenReused => status(
                Code::Unauthenticated,
                ErrorReason::RefreshTokenReused,
                "the refresh token has been used before, and its session is ended: log in again",
            ),
            AuthError::RefreshTokenInvalid => status(
                Code::Unauthenticated,
                ErrorReason::RefreshTokenInvalid,
                "the refresh token is unknown, or its session is over: log in again",
            ),
            AuthError::ResetCodeInvalid => status(
                Code::Unauthenticated,
                ErrorReason::ResetCodeInvalid,
                "the reset code is invalid, used or expired: ask an admin for another one",
            ),
            AuthError::TooManyAttempts(wait) => too_many(whole_seconds(wait)),
            AuthError::TooManyCalls(wait) => {
                too_many(whole_seconds(TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1))))
            }
            AuthError::EmailTaken => status(
                Code::AlreadyExists,
                ErrorReason::EmailTaken,
                "User already exists, please supply another email address",
            ),
            AuthError::PageTokenInvalid => failure::page_token::<ErrorReason>(),
            AuthError::CursorExpired => status(
                Code::OutOfRange,
                ErrorReason::CursorExpired,
                "events after the cursor were deleted, or the database was restored: list the events, and watch without \
                 a cursor",
            ),
            AuthError::TooManyWatchers => retry(
                Code::ResourceExhausted,
                ErrorReason::Overloaded,
                "this replica has 16 streams of audit events already: end one, or try again later",
                WATCHER_RETRY_DELAY,
            ),
            AuthError::RequestIdReused => failure::request_id_reused::<ErrorReason>(),
            AuthError::UserNotFound(id) => {
                failure::not_found(ErrorReason::UserNotFound, "gatepost.auth.v1.User", &id, "user not found")
            }
            AuthError::SessionNotFound(id) => {
                failure::not_found(ErrorReason::SessionNotFound, "gatepost.auth.v1.Session", &id, "session not found")
            }
            AuthError::Stale => failure::stale::<ErrorReason>(),
            AuthError::LastAdmin => precondition(
                ErrorReason::LastAdmin,
                "gatepost.auth.v1.User",
                "this user is the last active admin: give another user the role `admin` first",
            ),
            AuthError::ApiKeyNotFound(id) => {
                failure::not_found(ErrorReason::ApiKeyNotFound, "gatepost.auth.v1.ApiKey", &id, "API key not found")
            }
            AuthError::ApiKeyRevoked => precondition(
                ErrorReason::ApiKeyRevoked,
                "gatepost.auth.v1.ApiKey",
                "this API key was revoked, which is final: create another one",
            ),
            AuthError::TooManyApiKeys => status(
                Code::ResourceExhausted,
                ErrorReason::TooManyApiKeys,
                "there are 10,000 API keys: expired and revoked ones are deleted after seven days",
            ),
            AuthError::Refused(rejection) => rejection.into(),
            AuthError::Hash(HashError::Overloaded | HashError::Abandoned) => retry(
                Code::ResourceExhausted,
                ErrorReason::Overloaded,
                "too many passwords wait to be checked, try again in a moment",
                HASH_RETRY_DELAY,
            ),
            AuthError::Hash(error @ (HashError::Unreadable(_) | HashError::Panicked)) => {
                failure::internal::<ErrorReason>(&error)
            }
            // The database went back to an earlier state. The follower has logged the loss.
            AuthError::Lost => failure::outcome_unknown::<ErrorReason>(),
            AuthError::Store(error) => failure::store::<ErrorReason>(&error),
            // The follower or the keyring has logged the cause. Another replica may be able to answer.
            AuthError::View(StaleView) | AuthError::Sign(SignError::NoKey) => {
                failure::store_unavailable::<ErrorReason>()
            }
            AuthError::Sign(error) => failure::internal::<ErrorReason>(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_has_all_shared_reasons() {
        for reason in failure::REASONS {
            let name = format!("ERROR_REASON_{reason}");
            assert!(ErrorReason::from_str_name(&name).is_some(), "{name}");
        }
    }
}
