//! Failures of the storage of private keys.

use super::{KeyFileError, SigningKeyError};
use crate::store::StoreError;

/// A private key cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The key cannot be had.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KeyFileError> for StorageError {
    fn from(error: KeyFileError) -> Self {
        Self::Key(error.into())
    }
}
