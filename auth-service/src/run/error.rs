//! Errors of the start and of serving.

use db::{DatabaseUrl, OpenError};
use gatepost::PolicyError;
use kit::serve::ServeError;
use kit::tasks::TaskDied;

use super::lost::DatabaseLost;
use crate::keys::rotation::KeyringError;
use crate::keys::storage::SigningKeyError;
use crate::store::StoreError;

/// Error of a service that could not start or keep serving. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AuthRunError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database is missing, but its keys exist.
    #[error(transparent)]
    Lost(#[from] DatabaseLost),
    /// The database does not answer.
    #[error("{0}: check the database, then start again")]
    Store(#[from] StoreError),
    /// The start cannot use the database.
    #[error("{place}: {source}: check the database or restore a backup, then start again")]
    Database {
        /// File or server of the database, without a password.
        place: String,
        /// Failure of a statement.
        source: StoreError,
    },
    /// There is no signing key.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The key set cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The hashing threads do not start.
    #[error("the hashing threads do not start ({0}): allow this process more threads or memory")]
    Threads(std::io::Error),
    /// The first admin could not be created.
    #[error("AUTH_ADMIN_EMAIL: the first admin could not be created ({0}): correct this, then start again")]
    Admin(String),
    /// The access table is malformed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Serving ended.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A background task has died.
    #[error(transparent)]
    Task(#[from] TaskDied),
}

impl AuthRunError {
    /// Returns the error of a start with the place of its database.
    pub(super) fn at(self, database: &DatabaseUrl) -> Self {
        match self {
            Self::Store(source) => Self::Database { place: database.to_string(), source },
            other => other,
        }
    }
}
