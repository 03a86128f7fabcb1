//! The results of changes of users.

use uuid::Uuid;

use super::StoreError;

/// A reason for which nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// There is no such user.
    NotFound,
    /// The user has been written since the revision that the change was meant for.
    Stale,
    /// Another user has the email.
    EmailTaken,
    /// The user who proved a password for the change has another one now, or has ended all sessions.
    Outdated,
    /// No other active user is an admin.
    LastAdmin,
}

/// A password that was checked for a change, and the generation that was read together with its hash.
#[derive(Clone, Copy, Debug)]
pub struct PasswordProof {
    /// The user who gave the password.
    pub user_id: Uuid,
    /// The user's generation at that time.
    pub generation: i32,
}

/// The result of a change, or a failure of the database; then nothing is written.
pub type Outcome<T> = Result<Result<T, Unchanged>, StoreError>;
