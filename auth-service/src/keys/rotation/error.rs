//! Errors of reading or changing the key set.

use chrono::{DateTime, Utc};

use crate::keys::storage::{KeyFileError, SigningKeyError, StorageError};
use crate::store::StoreError;

/// Failure of the key set; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The database has no key yet.
    #[error("the database has no signing key yet: start the auth service once, which makes one")]
    NoKey,
    /// No key has this id.
    #[error("the database has no signing key {0}: run `gatepost keys list` for its keys")]
    Unknown(String),
    /// A next key is already waiting.
    #[error("the next key {id} exists already and signs from {}: rotate after that", sign_time.format("%Y-%m-%dT%H:%M:%SZ"))]
    Waiting {
        /// Id of the next key.
        id: String,
        /// Time from which the next key signs.
        sign_time: DateTime<Utc>,
    },
    /// The set already has this key.
    #[error("the key {0} exists already: run `gatepost keys list` for its state")]
    Known(String),
    /// The key has been retired.
    #[error("the key {0} has been retired, and its tokens are revoked: use another key")]
    Killed(String),
    /// Another process changed the keys first.
    #[error("another process has just changed the keys: see `gatepost keys list`, and run this again if needed")]
    Conflict,
    /// The database did not answer a commit.
    #[error("the database has not said whether {what}: {find_out}")]
    OutcomeUnknown {
        /// Change that may have been committed.
        what: String,
        /// Instruction to find out.
        find_out: &'static str,
    },
    /// The key was sealed with neither master key.
    #[error(
        "the signing key was sealed with neither AUTH_MASTER_KEY nor AUTH_OLD_MASTER_KEY: set the latter to the key \
         that the services used before"
    )]
    OldMasterKey,
    /// A key is not available.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The database does not answer.
    #[error("{0}: check the database, then run this again")]
    Store(#[from] StoreError),
}

impl KeyringError {
    /// Adds the change and the instruction to find out, if the outcome of a commit is unknown.
    pub(super) fn named(self, what: impl FnOnce() -> String, find_out: &'static str) -> Self {
        match self {
            Self::Store(StoreError::Unknown(_)) => Self::OutcomeUnknown { what: what(), find_out },
            other => other,
        }
    }
}

impl From<KeyFileError> for KeyringError {
    fn from(error: KeyFileError) -> Self {
        Self::Key(error.into())
    }
}

impl From<StorageError> for KeyringError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Key(error) => Self::Key(error),
            StorageError::Store(error) => Self::Store(error),
        }
    }
}
