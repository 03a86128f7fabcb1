//! Users.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Email, Name, Roles};

/// An account, without its password hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The row's id.
    pub id: Uuid,
    /// The display name.
    pub name: String,
    /// The email address as given.
    pub email: String,
    /// What the user may do beyond what every user may.
    pub roles: Roles,
    /// Whether the user may act.
    pub state: UserState,
    /// Access tokens of an older generation are dead.
    pub generation: i32,
    /// How often the row has been written.
    pub revision: i32,
    /// When the user registered.
    pub create_time: DateTime<Utc>,
    /// When the user last changed.
    pub update_time: DateTime<Utc>,
}

/// Whether a user may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// May log in.
    Active,
    /// May not log in, and the tokens are refused.
    Disabled,
}

/// A user to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The row's id.
    pub id: Uuid,
    /// The display name.
    pub name: Name,
    /// The email address.
    pub email: Email,
    /// A PHC string.
    pub password_hash: String,
    /// What the user may do beyond what every user may.
    pub roles: Roles,
    /// When the user registers.
    pub create_time: DateTime<Utc>,
}

/// What is to be different about a user; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The display name.
    pub name: Option<Name>,
    /// The email address.
    pub email: Option<Email>,
}
