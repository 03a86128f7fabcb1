//! Errors of the operator's account changes.

use crate::domain::{NameError, PasswordError, Roles};
use crate::passwords::HashError;
use crate::store::StoreError;

/// Error of a command on accounts. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No user has the address.
    #[error("no user has this email address: look it up, or make an admin by `admin create`")]
    Unknown,
    /// A user has the address already.
    #[error("a user has this email address: run `admin grant` to make that user an admin, or take another address")]
    Taken,
    /// The name breaks its rule.
    #[error("--name: {0}")]
    Name(#[from] NameError),
    /// The password breaks a rule.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// The user has the largest number of roles already.
    #[error("the user's roles {}: take one away first", Roles::RULE)]
    Roles,
    /// The hashing threads do not start.
    #[error("the hashing threads do not start ({0}): allow this process more threads or memory")]
    Threads(std::io::Error),
    /// The password was not hashed.
    #[error("the password is not hashed ({0}): run this again")]
    Hash(#[from] HashError),
    /// The user was changed or deleted at the same time.
    #[error("the user has been changed at this moment: run this again")]
    Outrun,
    /// The database has not answered the commit.
    #[error("the database has not said whether {what}: {find_out}")]
    OutcomeUnknown {
        /// Change that may have been committed.
        what: &'static str,
        /// Way to check the change.
        find_out: &'static str,
    },
    /// The password is set, but the count of wrong passwords is not cleared.
    #[error(
        "the password is set and the sessions are ended, but wrong passwords that were tried still count ({0}): run this again"
    )]
    Uncleared(StoreError),
    /// The database does not answer.
    #[error("{0}: see to the database, then run this again")]
    Store(#[from] StoreError),
}
