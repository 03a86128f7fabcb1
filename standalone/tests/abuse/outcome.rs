//! Allowed and forbidden outcomes of a call.

use std::fmt;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::pair::watch;

/// `OK`, or the code and the reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outcome(String);

/// The codes of refusals; each is a statement about the request or its caller.
const REFUSALS: [Code; 7] = [
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::Unauthenticated,
    Code::Aborted,
    Code::FailedPrecondition,
];

/// Reasons that are the fault of neither the request nor the service.
const REASONS: [&str; 2] = ["MESSAGE_TOO_LARGE", "UNIMPLEMENTED"];

/// Texts that no client may see: they name internals (C69).
const INSIDE: [&str; 9] = ["sql", "select ", "insert ", ".rs", "src/", "panic", "gatepost-data", "prost", "/tmp"];

/// Methods that may hash a password.
pub(super) const HASHING: [&str; 5] = ["Login", "CreateUser", "ChangePassword", "ResetPassword", "UpdateUser"];

/// Largest number of repetitions of a call whose answer asks for a retry.
pub(super) const PATIENCE: usize = 5;

/// Returns `true` if the answer depends on the load, and not on the message, so that a repetition helps. The hashing
/// threads yield to all other work, so that even the deadline may pass.
pub(super) fn is_for_later(method: &str, status: &Status) -> bool {
    let late = HASHING.contains(&method) && status.code() == Code::DeadlineExceeded;
    late || status.get_details_retry_info().is_some()
}

impl Outcome {
    /// Returns the outcome of this answer.
    ///
    /// # Errors
    ///
    /// Describes what is wrong with the answer.
    pub(super) fn of(answer: Result<(), Status>) -> Result<Self, String> {
        let Err(status) = answer else { return Ok(Self("OK".into())) };
        let info = status.get_details_error_info().ok_or_else(|| format!("{status:?} has no reason"))?;
        let known = REFUSALS.contains(&status.code()) || REASONS.contains(&info.reason.as_str());
        let domain = ["auth.gatepost.dev", "blog.gatepost.dev"].contains(&info.domain.as_str());
        // The details are binary: the lengths in them may look like control characters of a terminal.
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

    /// Returns `true` if the reason is this one.
    pub(super) fn is(&self, reason: &str) -> bool {
        self.0.split_once(' ').is_some_and(|(_, own)| own == reason)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
