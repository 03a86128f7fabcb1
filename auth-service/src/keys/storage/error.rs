//! Failures of the storage of private keys.

use std::path::PathBuf;

use super::{CannotOpen, KeyFileError};
use crate::store::StoreError;

/// A reason for which there is no signing key: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// A replica has no file that it could keep a key in, and no setting says what else.
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
    /// The key is in the database, and nothing opens it.
    #[error("the database holds the signing key, sealed: set AUTH_MASTER_KEY to the key that it was sealed with")]
    NoMasterKey,
    /// The key in the database was sealed with another key, or is damaged.
    #[error(
        "AUTH_MASTER_KEY is not the one that the signing key in the database was sealed with: set that one, or seal the \
         key with this one (`gatepost keys reseal --help`)"
    )]
    OtherMasterKey,
    /// A later version has sealed the key.
    #[error("the signing key in the database was sealed by a later version: run that version, or a later one")]
    Later,
    /// What was sealed is no key.
    #[error(
        "the sealed signing key in the database is no Ed25519, P-256 or RSA key: restore the database from a backup"
    )]
    Garbled,
    /// The private half is nowhere.
    #[error(
        "{file} does not hold the signing key {id}: restore it from a backup, or run `gatepost keys retire {id}`, which \
         makes a new key and logs everybody out"
    )]
    Lost {
        /// The key.
        id: String,
        /// Where it should be.
        file: PathBuf,
    },
    /// The private half of a key should be sealed, and is not there at all.
    #[error(
        "the database does not hold the private half of the signing key {0}: restore it from a backup, or run `gatepost \
         keys retire {0}`, which makes a new key and logs everybody out"
    )]
    Gone(String),
    /// No start has put the file's key among those of the database.
    #[error(
        "{0} holds a key that its database does not know yet: start the auth service on it once, stop it, then copy"
    )]
    NotBegun(PathBuf),
    /// `JWT_SECRET_KEY` was another one meanwhile.
    #[error(
        "JWT_SECRET_KEY is one that another has replaced within the last day, and its tokens are revoked: make a new one \
         with `openssl rand -base64 48`"
    )]
    Replaced,
    /// The key pair that is to sign has been retired, and is there again.
    #[error(
        "the signing key {0} has been retired, and its tokens are revoked: run `gatepost keys retire {0}`, which makes a new one"
    )]
    Killed(String),
    /// The private half should be sealed, and lies in the file yet.
    #[error(
        "the signing key {id} lies in {file}, and AUTH_MASTER_KEY is set: start the auth service with it once, which seals the \
         key, or unset it here"
    )]
    Unsealed {
        /// The key.
        id: String,
        /// Where it lies.
        file: PathBuf,
    },
    /// The key's file cannot be used, or no key can be made.
    #[error(transparent)]
    File(#[from] KeyFileError),
}

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
