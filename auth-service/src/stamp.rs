//! Stamps of new log entries: a time and a random mark.

use chrono::{DateTime, Utc};

use crate::domain::{EntryFingerprint, Stamp};

/// Returns a stamp with this time and a random mark.
pub(crate) fn stamp(time: DateTime<Utc>) -> Stamp {
    Stamp { fingerprint: EntryFingerprint(kit::random::bytes()), time }
}
