//! Statuses for failures of the database.

use std::error::Error;

use gatepost::log::LogLimit;
use gatepost::status::Reason;
use tonic::{Code, Status};

use super::internal::internal;
use super::reasons::{OUTCOME_UNKNOWN, STORE_FULL, STORE_UNAVAILABLE, retry, status};

// Limits of these log lines: during an outage every call would log one, even a call without a token.
static AWAY_LINES: LogLimit = LogLimit::new();
static FULL_LINES: LogLimit = LogLimit::new();
static UNKNOWN_LINES: LogLimit = LogLimit::new();

/// Returns `UNAVAILABLE` for a database that cannot be reached.
pub fn store_unavailable<R: Reason>() -> Status {
    retry::<R>(Code::Unavailable, STORE_UNAVAILABLE, "the database cannot be reached now, try again in a moment")
}

/// Failure of the database, with the driver's error.
#[derive(Clone, Copy, Debug)]
pub enum StoreFailure<'a> {
    /// The database cannot be reached and has written nothing.
    Unavailable(&'a (dyn Error + 'static)),
    /// The disk is full: nothing was written.
    Full,
    /// The database has not answered a commit: the write's outcome is unknown.
    Unknown(&'a (dyn Error + 'static)),
    /// The service or the database file is faulty.
    Fault(&'a (dyn Error + 'static)),
}

/// Returns the status for a failure of the database, and logs the failure.
pub fn store<'a, R: Reason>(failure: impl Into<StoreFailure<'a>>) -> Status {
    match failure.into() {
        StoreFailure::Unavailable(cause) => {
            if let Some(line) = AWAY_LINES.allow() {
                tracing::warn!(%cause, left_out = line.left_out(), "the database cannot be reached");
            }
            store_unavailable::<R>()
        }
        StoreFailure::Full => {
            if let Some(line) = FULL_LINES.allow() {
                tracing::error!(left_out = line.left_out(), "the database's disk is full");
            }
            retry::<R>(
                Code::ResourceExhausted,
                STORE_FULL,
                "the service's disk is full: nothing was written, try again when its operator has made room",
            )
        }
        StoreFailure::Unknown(cause) => {
            if let Some(line) = UNKNOWN_LINES.allow() {
                tracing::warn!(%cause, left_out = line.left_out(), "the database has not answered a commit");
            }
            outcome_unknown::<R>()
        }
        StoreFailure::Fault(cause) => internal::<R>(cause),
    }
}

/// Returns `DEADLINE_EXCEEDED` for a write with an unknown outcome. Clients would retry `UNAVAILABLE` automatically.
pub fn outcome_unknown<R: Reason>() -> Status {
    status::<R>(
        Code::DeadlineExceeded,
        OUTCOME_UNKNOWN,
        "the database has not said whether this was written: read it before you repeat the call, or repeat it with the same \
         request_id",
    )
}
