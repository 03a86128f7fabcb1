//! What a call came to, and what no call may come to.

use std::fmt;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::pair::watch;

/// `OK`, or the code and the reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outcome(String);

/// The codes that a request can be answered with, each a statement about the request or its caller.
const REFUSALS: [Code; 7] = [
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::Unauthenticated,
    Code::Aborted,
    Code::FailedPrecondition,
];

/// Those that are no fault of the request, but no fault of ours either.
const REASONS: [&str; 2] = ["MESSAGE_TOO_LARGE", "UNIMPLEMENTED"];

/// What no text for a client has: it would name what is inside (C69).
const INSIDE: [&str; 9] = ["sql", "select ", "insert ", ".rs", "src/", "panic", "gatepost-data", "prost", "/tmp"];

/// Methods that may hash a password.
pub(super) const HASHING: [&str; 4] = ["Login", "CreateUser", "ChangePassword", "UpdateUser"];

/// How often a caller comes back that was told to.
pub(super) const PATIENCE: usize = 5;

/// Whether the answer speaks of the machine, and not of the message: whoever comes back gets another one. The hashing
/// threads yield to all other work, so that where there is much of it even the deadline may pass.
pub(super) fn is_for_later(method: &str, status: &Status) -> bool {
    let late = HASHING.contains(&method) && status.code() == Code::DeadlineExceeded;
    late || status.get_details_retry_info().is_some()
}

impl Outcome {
    /// The outcome of this answer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of(answer: Result<(), Status>) -> Result<Self, String> {
        let Err(status) = answer else { return Ok(Self("OK".into())) };
        let info = status.get_details_error_info().ok_or_else(|| format!("{status:?} has no reason"))?;
        let known = REFUSALS.contains(&status.code()) || REASONS.contains(&info.reason.as_str());
        let domain = ["auth.gatepost.dev", "blog.gatepost.dev"].contains(&info.domain.as_str());
        // The details are binary: the lengths in them may look like what moves a terminal.
        let details = String::from_utf8_lossy(status.details()).replace(char::is_control, " ");
        let text = format!("{} {details}", status.message());
        let inside = INSIDE.iter().find(|word| text.to_lowercase().contains(*word));
        if !known || !domain || inside.is_some() || watch::shows(&text, &[watch::PASSWORD.to_owned()]) {
            return Err(format!("{status:?} {info:?}"));
        }
        Ok(Self(format!("{:?} {}", status.code(), info.reason)))
    }

    pub(super) fn is_ok(&self) -> bool {
        self.0 == "OK"
    }

    /// Whether the reason is this one.
    pub(super) fn is(&self, reason: &str) -> bool {
        self.0.split_once(' ').is_some_and(|(_, own)| own == reason)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
