//! The reasons why the service does not start, or ends by itself.

use db::OpenError;
use gatepost::PolicyError;
use kit::serve::ServeError;

use super::lost::DatabaseLost;
use crate::keys::rotation::KeyringError;
use crate::keys::storage::SigningKeyError;
use crate::store::StoreError;

/// A service that could not start, or ended by itself: each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database is gone, and its keys are there.
    #[error(transparent)]
    Lost(#[from] DatabaseLost),
    /// The database does not answer.
    #[error("{0}: see to the database, then start again")]
    Store(#[from] StoreError),
    /// There is no signing key.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The set of keys cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The hashing threads do not start.
    #[error("the hashing threads do not start ({0}): allow this process more threads or memory")]
    Threads(std::io::Error),
    /// The first admin could not be made.
    #[error("AUTH_ADMIN_EMAIL: the first admin could not be made ({0}): start again once that is mended")]
    Admin(String),
    /// The access table is malformed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Serving ended.
    #[error(transparent)]
    Serve(#[from] ServeError),
}
