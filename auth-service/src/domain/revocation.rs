//! What kills tokens before they expire, and the order in which it happened.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What is revoked by one entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// The log begins: its first entry, or the first one after it was found to have lost some. By itself it revokes
    /// nothing; the log's horizon does.
    Start,
    /// Every token of a session.
    Session(Uuid),
    /// Every token of a user whose generation is below this one.
    User {
        /// The user.
        id: Uuid,
        /// The oldest generation that is good.
        generation: i32,
        /// Why.
        cause: Cause,
    },
    /// Every token that this key has signed, by the key's id.
    SigningKey(String),
    /// Nothing: the set of signing keys has become another one, and is to be read again.
    NewSigningKeys,
}

/// Why a user's older tokens are dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The sessions have been ended, or a role taken away.
    Ended,
    /// The user may not act for now.
    Disabled,
    /// The user no longer exists.
    Deleted,
}

/// Tells an entry of the log from another of the same revision, in a history that has been lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryFingerprint(pub [u8; 16]);

/// What an entry carries beside what it revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Random.
    pub fingerprint: EntryFingerprint,
    /// When it was made.
    pub time: DateTime<Utc>,
}

/// An entry that has been committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Logged {
    /// Its place in the log.
    pub revision: i64,
    /// Its mark.
    pub fingerprint: EntryFingerprint,
}

/// Which log this is; a restored database has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogId(pub [u8; 16]);

/// A place in the history of revocations: all entries up to this one are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The log.
    pub log: LogId,
    /// The last entry that is known.
    pub last: Logged,
}

/// An entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its place and its mark.
    pub logged: Logged,
    /// What it revokes.
    pub revocation: Revocation,
    /// When it was made.
    pub time: DateTime<Utc>,
}
