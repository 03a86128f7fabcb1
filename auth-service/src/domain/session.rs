//! Sessions: one a login, until it is ended or its time is over.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A session that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The row's id.
    pub id: Uuid,
    /// Whose session it is.
    pub user_id: Uuid,
    /// The user's generation, read together with the password hash that the login was checked against.
    pub generation: i32,
    /// When it began.
    pub create_time: DateTime<Utc>,
    /// When it ends, whatever happens meanwhile.
    pub expire_time: DateTime<Utc>,
}
