//! Sessions: one a login, until it is ended or its time is over.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::RefreshDigest;

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
    /// Its current refresh token; a session of an earlier version has none.
    pub refresh_digest: Option<RefreshDigest>,
    /// Until when that can be used.
    pub idle_expire_time: DateTime<Utc>,
    /// When neither that nor the last access token is good any more.
    pub over_time: DateTime<Utc>,
}

/// Where a login comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The peer's IP address.
    pub peer: String,
    /// What the client calls itself, at most 256 bytes.
    pub user_agent: String,
}

/// A session as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// The session.
    pub session: Session,
    /// Where it was begun.
    pub client: Client,
    /// When it last got new tokens; `None` while it has those that it began with.
    pub last_refresh_time: Option<DateTime<Utc>>,
}

/// The lifetimes of sessions and their tokens.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Lifetime of an access token.
    pub access: Duration,
    /// Lifetime of a session without a refresh.
    pub idle: Duration,
    /// Longest lifetime of a session.
    pub session: Duration,
}

/// The expiry times of a session's newest tokens.
#[derive(Clone, Copy, Debug)]
pub struct Expiry {
    /// Expiry time of the refresh token.
    pub idle: DateTime<Utc>,
    /// Expiry time of the last of the two tokens.
    pub over: DateTime<Utc>,
}

impl Lifetimes {
    /// Returns the expiry times of tokens that are issued at `now` for a session that ends at `session_end`.
    pub fn expiry(self, now: DateTime<Utc>, session_end: DateTime<Utc>) -> Expiry {
        let (access, idle) = ((now + self.access).min(session_end), (now + self.idle).min(session_end));
        Expiry { idle, over: access.max(idle) }
    }
}
