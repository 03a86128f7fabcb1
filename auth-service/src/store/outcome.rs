//! Results of changes of users.

use super::StoreError;
use crate::domain::{Logged, User, UserId};

/// Reason why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// The user does not exist.
    NotFound,
    /// The user's row has been written since the expected revision.
    Stale,
    /// Another user has the email.
    EmailTaken,
    /// The user who gave a password for the change has changed the password since, or has ended all sessions.
    Outdated,
    /// The change would leave no active admin.
    LastAdmin,
}

/// Password that was checked for a change, and the generation that was read with its hash.
#[derive(Clone, Copy, Debug)]
pub struct PasswordProof {
    /// User who gave the password.
    pub user_id: UserId,
    /// Generation of that user at the time.
    pub generation: i32,
}

/// User after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedUser {
    /// The user.
    pub user: User,
    /// Entry in the log, if the change has ended older tokens.
    pub logged: Option<Logged>,
}

/// User with a new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordChanged {
    /// The user.
    pub user: User,
    /// Entry in the log, which ends the tokens of the old password.
    pub logged: Logged,
}

/// Result of a change, or a failure of the database, after which nothing is written.
pub type Outcome<T> = Result<Result<T, Unchanged>, StoreError>;
