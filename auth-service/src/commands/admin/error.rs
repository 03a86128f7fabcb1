//! Errors of `gatepost admin`.

use crate::domain::{NameError, PasswordError, Roles};
use crate::passwords::HashError;
use crate::store::StoreError;

/// Error of `gatepost admin`. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No user has this email address.
    #[error("no user has this email address: check the address, or create an admin with `admin create`")]
    Unknown,
    /// A user already has this email address.
    #[error(
        "a user already has this email address: make that user an admin by `admin grant`, or choose another address"
    )]
    Taken,
    /// The name breaks its rule.
    #[error("--name: {0}")]
    Name(#[from] NameError),
    /// The password breaks a rule.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// The user has the largest number of roles already.
    #[error("the user's roles {}: remove one first", Roles::RULE)]
    Roles,
    /// The hashing threads do not start.
    #[error("the hashing threads do not start ({0}): allow this process more threads or memory")]
    Threads(std::io::Error),
    /// The password was not hashed.
    #[error("the password could not be hashed ({0}): run this again")]
    Hash(#[from] HashError),
    /// The user was changed or deleted at the same time.
    #[error("another call changed the user at the same time: run this again")]
    Conflict,
    /// The database has not answered a commit.
    #[error("the database has not said whether {what}: {find_out}")]
    OutcomeUnknown {
        /// The change that may have been committed.
        what: &'static str,
        /// The way to find out.
        find_out: &'static str,
    },
    /// The password is set, but the count of wrong passwords is not cleared.
    #[error(
        "the password is set and the sessions are ended, but earlier wrong passwords still count ({0}): run this again"
    )]
    Uncleared(StoreError),
    /// The database does not answer.
    #[error("{0}: check the database, then run this again")]
    Store(#[from] StoreError),
}
