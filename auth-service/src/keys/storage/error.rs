//! Errors of the storage of private keys.

use std::path::PathBuf;

use super::{CannotOpen, KeyFileError};
use crate::store::StoreError;

/// Reason for which there is no signing key; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// A replica has no file for its key, and no setting says where the key is.
    #[error(
        "on PostgreSQL the signing key is kept in the database, sealed: set AUTH_MASTER_KEY, 32 bytes in base64 \
         (`openssl rand -base64 32`), the same for every replica, or sign with JWT_SECRET_KEY"
    )]
    NoSetting,
    /// A copy to a replica's database would leave the key behind.
    #[error(
        "{0} holds the signing key, and on PostgreSQL it is kept in the database, sealed: set AUTH_MASTER_KEY, 32 bytes in \
         base64 (`openssl rand -base64 32`), or JWT_SECRET_KEY if that is what signs"
    )]
    FileAlone(PathBuf),
    /// The key in the database is sealed, and no master key is set.
    #[error("the database holds the signing key, sealed: set AUTH_MASTER_KEY to the key that it was sealed with")]
    NoMasterKey,
    /// The key in the database was sealed with another master key, or is damaged.
    #[error(
        "AUTH_MASTER_KEY is not the one that the signing key in the database was sealed with: set that key, or seal the \
         key with this one (`gatepost keys reseal --help`)"
    )]
    OtherMasterKey,
    /// The key was sealed by a later version.
    #[error("the signing key in the database was sealed by a later version: run that version, or a later one")]
    Later,
    /// The sealed text does not contain a key.
    #[error(
        "the sealed signing key in the database is not an Ed25519, P-256 or RSA key: restore the database from a backup"
    )]
    Garbled,
    /// The private half is missing.
    #[error(
        "{file} does not hold the signing key {id}: restore it from a backup, or run `gatepost keys retire {id}`, which \
         makes a new key and logs all users out"
    )]
    Lost {
        /// Id of the key.
        id: String,
        /// Expected file.
        file: PathBuf,
    },
    /// The private half should be sealed in the database, and is missing.
    #[error(
        "the database does not hold the private half of the signing key {0}: restore it from a backup, or run `gatepost \
         keys retire {0}`, which makes a new key and logs all users out"
    )]
    Gone(String),
    /// The database does not know the file's key, because no start has added it yet.
    #[error(
        "{0} holds a key that its database does not know yet: start the auth service on it once, stop it, then copy"
    )]
    NotBegun(PathBuf),
    /// `JWT_SECRET_KEY` was replaced by another secret earlier.
    #[error(
        "JWT_SECRET_KEY was replaced by another secret within the last day, and its tokens are revoked: make a new one \
         with `openssl rand -base64 48`"
    )]
    Replaced,
    /// The signing key was retired, and is back.
    #[error(
        "the signing key {0} has been retired, and its tokens are revoked: run `gatepost keys retire {0}`, which makes a new one"
    )]
    Killed(String),
    /// The private half should be sealed, and is still in the file.
    #[error(
        "the signing key {id} is in {file}, but AUTH_MASTER_KEY is set: start the auth service with it once, which seals the \
         key, or unset it here"
    )]
    Unsealed {
        /// Id of the key.
        id: String,
        /// File with the private half.
        file: PathBuf,
    },
    /// The key's file cannot be used, or no key can be made.
    #[error(transparent)]
    File(#[from] KeyFileError),
}

/// Failure to read or store a private key.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The key is not available.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CannotOpen> for SigningKeyError {
    fn from(error: CannotOpen) -> Self {
        match error {
            CannotOpen::Version => Self::Later,
            CannotOpen::Seal => Self::OtherMasterKey,
        }
    }
}

impl From<KeyFileError> for StorageError {
    fn from(error: KeyFileError) -> Self {
        Self::Key(error.into())
    }
}
