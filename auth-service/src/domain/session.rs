//! Sessions: one for each login, until it is ended or expires.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{RefreshDigest, SessionId, UserId};

/// Session of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Id of the row.
    pub id: SessionId,
    /// User of the session.
    pub user_id: UserId,
    /// Generation of the user at the login, read together with the password hash.
    pub generation: i32,
    /// Start time.
    pub create_time: DateTime<Utc>,
    /// End time; no refresh extends it.
    pub expire_time: DateTime<Utc>,
    /// Digest of the current refresh token; `None` for a session of an earlier version.
    pub refresh_digest: Option<RefreshDigest>,
    /// Expiry time of the refresh token.
    pub idle_expire_time: DateTime<Utc>,
    /// Time at which both the refresh token and the last access token have expired.
    pub over_time: DateTime<Utc>,
}

/// Client of a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// IP address of the peer.
    pub peer: String,
    /// User agent, as the client sent it; at most 256 bytes.
    pub user_agent: String,
}

/// Session as its row stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// The session.
    pub session: Session,
    /// Client that started the session.
    pub client: Client,
    /// Time of the last refresh, if there was one.
    pub last_refresh_time: Option<DateTime<Utc>>,
}

/// Lifetimes of sessions and their tokens.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Lifetime of an access token.
    pub access: Duration,
    /// Lifetime of a session without a refresh.
    pub idle: Duration,
    /// Longest lifetime of a session.
    pub session: Duration,
}

/// Expiry times of a session's newest tokens.
#[derive(Clone, Copy, Debug)]
pub struct Expiry {
    /// Expiry time of the refresh token.
    pub idle: DateTime<Utc>,
    /// Later of the expiry times of the access token and the refresh token.
    pub over: DateTime<Utc>,
}

impl Lifetimes {
    /// Returns the expiry times of tokens that are issued at `now` for a session that ends at `session_end`.
    pub fn expiry(self, now: DateTime<Utc>, session_end: DateTime<Utc>) -> Expiry {
        let (access, idle) = ((now + self.access).min(session_end), (now + self.idle).min(session_end));
        Expiry { idle, over: access.max(idle) }
    }
}
