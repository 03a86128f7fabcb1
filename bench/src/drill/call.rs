//! One call of a client, with its outcome.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A method, and how the drill calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `TokenService/VerifyToken`.
    VerifyToken,
    /// `UserService/GetUser`.
    GetUser,
    /// `AuthService/Login`.
    Login,
    /// `UserService/CreateUser`.
    CreateUser,
    /// `PostService/CreatePost`.
    CreatePost,
    /// `PostService/CreatePost` with a `request_id`, repeated until it is answered.
    CreatePostOnce,
    /// `PostService/GetPost`.
    GetPost,
    /// `PostService/ListPosts`.
    ListPosts,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 8] = [
        Self::VerifyToken,
        Self::GetUser,
        Self::Login,
        Self::CreateUser,
        Self::CreatePost,
        Self::CreatePostOnce,
        Self::GetPost,
        Self::ListPosts,
    ];

    /// Returns the client's deadline. It is longer for operations that hash, because a hash may have to wait for a
    /// core.
    pub fn deadline(self) -> Duration {
        match self {
            Self::VerifyToken | Self::GetUser | Self::GetPost | Self::ListPosts => Duration::from_secs(1),
            Self::CreatePost | Self::CreatePostOnce => Duration::from_secs(2),
            Self::Login | Self::CreateUser => Duration::from_secs(5),
        }
    }

    /// Returns `true` for an operation that writes.
    pub fn writes(self) -> bool {
        matches!(self, Self::Login | Self::CreateUser | Self::CreatePost | Self::CreatePostOnce)
    }
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Code of the status.
    pub code: Code,
    /// `ErrorInfo.reason`; empty for success, and for answers of other software.
    pub reason: String,
    /// Set if the answer asks for a retry.
    pub retry: bool,
    /// Text of the status.
    pub message: String,
}

impl Answer {
    /// Returns the answer of a failed call.
    pub fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        let retry = details.retry_info().is_some();
        Self { code: status.code(), reason, retry, message: status.message().to_owned() }
    }

    /// Returns the answer of a call that succeeded.
    pub fn success() -> Self {
        Self { code: Code::Ok, reason: String::new(), retry: false, message: String::new() }
    }

    /// Returns `true` if the client's own timer has ended the call. The service should have ended it a little earlier.
    pub fn is_late(&self) -> bool {
        self.reason.is_empty() && matches!(self.code, Code::Cancelled | Code::DeadlineExceeded)
    }

    /// Returns `true` if the answer means that the write did not happen.
    pub fn is_refusal(&self) -> bool {
        matches!(self.reason.as_str(), "STORE_UNAVAILABLE" | "AUTH_UNAVAILABLE" | "STORE_FULL")
    }

    /// Returns `true` for an allowed answer while the database is away.
    pub fn is_honest(&self) -> bool {
        self.is_late()
            || match self.code {
                Code::Ok => true,
                Code::Unavailable => matches!(self.reason.as_str(), "STORE_UNAVAILABLE" | "AUTH_UNAVAILABLE"),
                Code::DeadlineExceeded => matches!(self.reason.as_str(), "DEADLINE" | "OUTCOME_UNKNOWN") && !self.retry,
                Code::ResourceExhausted => self.reason == "STORE_FULL",
                _ => false,
            }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.is_late()) {
            (Code::Ok, _) => formatter.write_str("OK"),
            (_, true) => formatter.write_str("the client's timer"),
            (code, _) => write!(formatter, "{code:?} {}", self.reason),
        }
    }
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct RecordedCall {
    /// The operation.
    pub operation: Operation,
    /// Start of the call.
    pub begun: Instant,
    /// Arrival of the answer.
    pub ended: Instant,
    /// The answer.
    pub answer: Answer,
}
