//! What an entry of the log carries that is made now.

use chrono::{DateTime, Utc};

use crate::domain::{EntryFingerprint, Stamp};

/// The stamp of an entry of this time.
pub(crate) fn stamp(time: DateTime<Utc>) -> Stamp {
    Stamp { fingerprint: EntryFingerprint(kit::random::bytes()), time }
}
