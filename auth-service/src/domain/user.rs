//! Users.

use chrono::{DateTime, Utc};

use super::{Cause, Email, Name, Revocation, Roles, UserId};

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
    /// Generation; access tokens of older generations are dead.
    pub generation: i32,
    /// Number of writes of the row.
    pub revision: i32,
    /// Registration time.
    pub create_time: DateTime<Utc>,
    /// Time of the last change.
    pub update_time: DateTime<Utc>,
}

impl User {
    /// Returns the revocation of the tokens of all generations before this one.
    pub fn older_tokens(&self, cause: Cause) -> Revocation {
        Revocation::User { id: self.id, generation: self.generation, cause }
    }
}

/// State of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// Can log in.
    Active,
    /// Cannot log in; all tokens are refused.
    Disabled,
}

/// Logins of a user, as admins see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginActivity {
    /// Time of the last login.
    pub last_login_time: Option<DateTime<Utc>>,
    /// Wrong passwords in a row, from the network with the most.
    pub failed_attempts: i32,
    /// End of the lock, if the account is locked in at least one network.
    pub lock_expire_time: Option<DateTime<Utc>>,
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
