//! What a call can fail with, as facts, and the one place that makes statuses of them.

use std::borrow::Cow;
use std::time::Duration;

use chrono::TimeDelta;
use gatepost::api::auth::v1::ErrorReason;
use gatepost::status::{details, retry, status};
use gatepost::{InactiveReason, Rejection};
use kit::failure::{self, BadFields, Violation};
use kit::page::BadToken;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::passwords::HashError;
use crate::store::{StoreError, Unchanged};
use crate::tokens::SignError;
use crate::view::StaleView;

/// How long a caller waits before it tries again when too many passwords wait.
const HASH_DELAY: Duration = Duration::from_secs(2);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("bad fields")]
    InvalidFields(Vec<Violation>),
    #[error("the pair of email and password is not a user's")]
    InvalidCredentials,
    #[error("the refresh token has been used before")]
    RefreshTokenReused,
    #[error("no session can be refreshed with this token")]
    RefreshTokenInvalid,
    #[error("too many wrong passwords or registrations")]
    TooManyAttempts(TimeDelta),
    #[error("too many logins or refreshes from one address")]
    TooManyCalls(Duration),
    #[error("another user has this email")]
    EmailTaken,
    #[error("the page token is not ours, not for this request or too old")]
    PageTokenInvalid,
    #[error("the request id stands for another request")]
    RequestIdReused,
    #[error("there is no such user")]
    UserNotFound(String),
    #[error("there is no such session, or none that the caller may see")]
    SessionNotFound(String),
    #[error("the user has changed since the etag was read")]
    Stale,
    #[error("no other active user is an admin")]
    LastAdmin,
    #[error("the log has lost the entry of this change")]
    Lost,
    #[error("the guard would not have let the caller in")]
    Refused(Rejection),
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    View(#[from] Stale),
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Error {
    /// Names a field and the rule that it breaks.
    pub(crate) fn violation(field: impl Into<Cow<'static, str>>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidFields(vec![Violation::new(field, rule)])
    }

    /// Why the user of this id was not changed.
    pub(crate) fn unchanged(why: Unchanged, id: Uuid) -> Self {
        match why {
            Unchanged::NotFound => Self::UserNotFound(id.to_string()),
            Unchanged::Stale => Self::Stale,
            Unchanged::LastAdmin => Self::LastAdmin,
            Unchanged::EmailTaken => Self::EmailTaken,
            // What has outdated the proof has killed this call's own token, too.
            Unchanged::Outdated => Self::Refused(Rejection::Token(InactiveReason::Revoked)),
        }
    }
}

/// Rounded up: who comes back then has waited long enough.
fn whole_seconds(wait: TimeDelta) -> Duration {
    let seconds = u64::try_from(wait.num_milliseconds()).unwrap_or_default().div_ceil(1000);
    Duration::from_secs(seconds)
}

fn too_many(wait: Duration) -> Status {
    let message = format!("too many attempts, try again in {} s", wait.as_secs());
    retry(Code::ResourceExhausted, ErrorReason::TooManyAttempts, message, wait)
}

fn last_admin() -> Status {
    const TEXT: &str = "this user is the last active admin: give another user the role `admin` first";
    let mut details = details(ErrorReason::LastAdmin);
    details.add_precondition_failure_violation("LAST_ADMIN", "gatepost.auth.v1.User", TEXT);
    Status::with_error_details(Code::FailedPrecondition, TEXT, details)
}

impl BadFields for Error {
    fn bad_fields(&mut self) -> Option<&mut Vec<Violation>> {
        if let Self::InvalidFields(violations) = self { Some(violations) } else { None }
    }
}

impl From<BadToken> for Error {
    fn from(BadToken: BadToken) -> Self {
        Self::PageTokenInvalid
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidFields(violations) => failure::invalid_fields::<ErrorReason>(&violations),
            Error::InvalidCredentials => {
                status(Code::Unauthenticated, ErrorReason::InvalidCredentials, "invalid credentials")
            }
            Error::RefreshTokenReused => status(
                Code::Unauthenticated,
                ErrorReason::RefreshTokenReused,
                "the refresh token has been used before, and its session is ended: log in again",
            ),
            Error::RefreshTokenInvalid => status(
                Code::Unauthenticated,
                ErrorReason::RefreshTokenInvalid,
                "the refresh token is unknown, or its session is over: log in again",
            ),
            Error::TooManyAttempts(wait) => too_many(whole_seconds(wait)),
            Error::TooManyCalls(wait) => {
                too_many(whole_seconds(TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1))))
            }
            Error::EmailTaken => status(
                Code::AlreadyExists,
                ErrorReason::EmailTaken,
                "User already exists, please supply another email address",
            ),
            Error::PageTokenInvalid => failure::page_token::<ErrorReason>(),
            Error::RequestIdReused => failure::request_id_reused::<ErrorReason>(),
            Error::UserNotFound(id) => {
                failure::not_found(ErrorReason::UserNotFound, "gatepost.auth.v1.User", &id, "user not found")
            }
            Error::SessionNotFound(id) => {
                failure::not_found(ErrorReason::SessionNotFound, "gatepost.auth.v1.Session", &id, "session not found")
            }
            Error::Stale => failure::stale::<ErrorReason>(),
            Error::LastAdmin => last_admin(),
            Error::Refused(rejection) => rejection.into(),
            Error::Hash(HashError::Overloaded | HashError::Abandoned) => retry(
                Code::ResourceExhausted,
                ErrorReason::Overloaded,
                "too many passwords wait to be checked, try again in a moment",
                HASH_DELAY,
            ),
            Error::Hash(error @ HashError::Unreadable(_)) => failure::internal::<ErrorReason>(&error),
            // The database was put back to an earlier state; the follower has told the log of it.
            Error::Lost => failure::outcome_unknown::<ErrorReason>(),
            Error::Store(error) => failure::store::<ErrorReason>(&error),
            // The follower has told the log why, or the keyring; another replica may have what this one has not.
            Error::View(Stale) | Error::Sign(SignError::NoKey) => failure::store_unavailable::<ErrorReason>(),
            Error::Sign(error) => failure::internal::<ErrorReason>(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_has_the_reasons_that_all_services_share() {
        for reason in failure::REASONS {
            let name = format!("ERROR_REASON_{reason}");
            assert!(ErrorReason::from_str_name(&name).is_some(), "{name}");
        }
    }
}
