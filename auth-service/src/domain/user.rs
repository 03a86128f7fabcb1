//! Users.

use chrono::{DateTime, Utc};

use super::{Email, Name, Roles, UserId};

/// Account, without its password hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Id of the row.
    pub id: UserId,
    /// Display name.
    pub name: String,
    /// Email address as given.
    pub email: String,
    /// Roles of the user.
    pub roles: Roles,
    /// State of the account.
    pub state: UserState,
    /// Generation; access tokens of an older one are dead.
    pub generation: i32,
    /// Number of writes of the row.
    pub revision: i32,
    /// Registration time.
    pub create_time: DateTime<Utc>,
    /// Time of the last change.
    pub update_time: DateTime<Utc>,
}

/// State of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// Can log in.
    Active,
    /// Cannot log in; all tokens are refused.
    Disabled,
}

/// User to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Id of the row.
    pub id: UserId,
    /// Display name.
    pub name: Name,
    /// Email address.
    pub email: Email,
    /// Password hash as a PHC string.
    pub password_hash: String,
    /// Roles of the user.
    pub roles: Roles,
    /// Registration time.
    pub create_time: DateTime<Utc>,
}

/// Changes of a user; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// New display name.
    pub name: Option<Name>,
    /// New email address.
    pub email: Option<Email>,
}
