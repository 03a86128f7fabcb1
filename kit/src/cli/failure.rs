//! Failures of commands, each with an exit code that scripts can rely on.

use std::fmt;
use std::io::{self, ErrorKind};

/// Failure of a command. Its text says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandFailure {
    /// Kind of the failure.
    pub kind: FailureKind,
    text: String,
}

/// Kind of a failure, which determines the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The command was refused, or failed.
    Refused,
    /// The command line is incomplete or contradictory.
    Usage,
    /// There is no such user, session or key.
    NotFound,
    /// There is no valid credential.
    Unauthenticated,
    /// The service or the database does not answer, or asks to wait: the same command may succeed later.
    Unavailable,
    /// The reader of the output has closed it. The command ends quietly and successfully.
    ReaderGone,
}

impl FailureKind {
    /// Returns the exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unauthenticated => 4,
            Self::Unavailable => 5,
            Self::ReaderGone => 0,
        }
    }
}

impl CommandFailure {
    /// Creates a failure with this text.
    pub fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Creates the failure of a refused command.
    pub fn refused(text: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, text)
    }

    /// Creates the failure of a write to standard output.
    pub(super) fn output(error: &io::Error) -> Self {
        let text = format!("standard output cannot be written ({}): make room, or write elsewhere", error.kind());
        let is_reader_gone = error.kind() == ErrorKind::BrokenPipe;
        Self::new(if is_reader_gone { FailureKind::ReaderGone } else { FailureKind::Refused }, text)
    }

    /// Reports a lost secret if the reader of the output went away: the secret cannot be printed again.
    #[must_use]
    pub fn lost(self) -> Self {
        match self.kind {
            FailureKind::ReaderGone => Self::refused("the reader of standard output went away: the result is lost"),
            _ => self,
        }
    }

    /// Creates the failure of an incomplete command line.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, text)
    }
}

impl fmt::Display for CommandFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for CommandFailure {}
