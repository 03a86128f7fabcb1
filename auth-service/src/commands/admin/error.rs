//! Errors of the operator's changes of accounts.

use crate::domain::{NameError, PasswordError, Roles};
use crate::passwords::HashError;
use crate::store::StoreError;

/// Each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No user has the address.
    #[error("no user has this email address: look it up, or make an admin by `admin create`")]
    Unknown,
    /// A user has the address.
    #[error("a user has this email address: run `admin grant` to make that user an admin, or take another address")]
    Taken,
    /// The name is none.
    #[error("--name: {0}")]
    Name(#[from] NameError),
    /// The password breaks a rule.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// The user has as many roles as can be.
    #[error("the user's roles {}: take one away first", Roles::RULE)]
    Roles,
    /// The hashing threads do not start.
    #[error("the hashing threads do not start ({0}): allow this process more threads or memory")]
    Threads(std::io::Error),
    /// The password is not hashed.
    #[error("the password is not hashed ({0}): run this again")]
    Hash(#[from] HashError),
    /// The user has been changed or deleted meanwhile.
    #[error("the user has been changed at this moment: run this again")]
    Outrun,
    /// The database was told to commit, and its answer did not come.
    #[error("the database has not said whether {what}: {find_out}")]
    OutcomeUnknown {
        /// The change that may stand.
        what: &'static str,
        /// The way to find out.
        find_out: &'static str,
    },
    /// The password is set, and the database does not answer any more.
    #[error(
        "the password is set and the sessions are ended, but wrong passwords that were tried still count ({0}): run this again"
    )]
    Uncleared(StoreError),
    /// The database does not answer.
    #[error("{0}: see to the database, then run this again")]
    Store(#[from] StoreError),
}
