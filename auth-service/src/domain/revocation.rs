//! Revocations: entries that kill tokens before they expire, in one order.

use chrono::{DateTime, Utc};

use super::{ApiKeyVersion, SessionId, UserId};

/// Subject of one entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// Start of the log: its first entry, or the first one after a loss of entries. The entry itself revokes nothing;
    /// the log's horizon does.
    Start,
    /// Every token of this session.
    Session(SessionId),
    /// Every token of a user below a generation.
    User {
        /// The user.
        id: UserId,
        /// Oldest generation that is valid.
        generation: i32,
        /// Reason.
        cause: Cause,
    },
    /// Every token signed by the key with this id.
    SigningKey(String),
    /// Version of an API key: its row has changed or is gone. The row tells what is valid now.
    ApiKey(ApiKeyVersion),
    /// No token: the set of signing keys has changed and must be read again.
    NewSigningKeys,
}

/// Reason for the death of a user's older tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Sessions were ended, or a role was taken away.
    Ended,
    /// User is disabled.
    Disabled,
    /// User is deleted.
    Deleted,
}

/// Random bytes of an entry. They distinguish it from an entry with the same revision in a lost history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryFingerprint(pub [u8; 16]);

/// Fingerprint and time of a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Fingerprint of the entry.
    pub fingerprint: EntryFingerprint,
    /// Creation time.
    pub time: DateTime<Utc>,
}

/// Place of a committed entry in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Logged {
    /// Revision of the entry.
    pub revision: i64,
    /// Fingerprint of the entry.
    pub fingerprint: EntryFingerprint,
}

/// Identity of a log; a restored database gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogId(pub [u8; 16]);

/// Place in the log up to which all entries are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The log.
    pub log: LogId,
    /// Last known entry.
    pub last: Logged,
}

/// Entry as read from the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Revision and fingerprint.
    pub logged: Logged,
    /// Subject of the revocation.
    pub revocation: Revocation,
    /// Creation time.
    pub time: DateTime<Utc>,
}
