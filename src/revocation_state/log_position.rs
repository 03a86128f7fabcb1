//! Positions in the revocation log.

use std::collections::VecDeque;

/// An entry of the log: its number, and a fingerprint that differs in a lost history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogEntry {
    /// The number of the entry. Numbers have no gaps.
    pub revision: i64,
    /// A random value.
    pub fingerprint: [u8; 16],
}

/// A position in the log: every entry up to it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogPosition {
    /// The id of the log.
    pub log: [u8; 16],
    /// The last known entry.
    pub last: LogEntry,
}

/// The fingerprints of a log's entries from one position on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct EntryFingerprints {
    floor: LogPosition,
    last: LogPosition,
    /// Fingerprints of the entries after `floor`, in order.
    since: VecDeque<[u8; 16]>,
}

impl EntryFingerprints {
    /// Creates a list without entries after `floor`.
    pub(super) fn since(floor: LogPosition) -> Self {
        Self { floor, last: floor, since: VecDeque::new() }
    }

    /// Returns the number of entries after the first position.
    pub(super) fn len(&self) -> usize {
        self.since.len()
    }

    /// Returns the last position.
    pub(super) fn last(&self) -> LogPosition {
        self.last
    }

    /// Returns true if this entry follows the last one.
    pub(super) fn is_next(&self, entry: LogEntry) -> bool {
        self.last.last.revision.checked_add(1) == Some(entry.revision)
    }

    /// Adds the next entry.
    pub(super) fn push(&mut self, entry: LogEntry) {
        self.since.push_back(entry.fingerprint);
        self.last.last = entry;
    }

    /// Returns true if this position is the first one or one of the entries after it, in the same history.
    pub(super) fn contains(&self, position: &LogPosition) -> bool {
        let LogPosition { log, last: LogEntry { revision, fingerprint } } = position;
        let after = revision.checked_sub(self.floor.last.revision).and_then(|after| usize::try_from(after).ok());
        let known = match after {
            None => return false,
            Some(0) => Some(&self.floor.last.fingerprint),
            Some(after) => self.since.get(after - 1),
        };
        *log == self.floor.log && known == Some(fingerprint)
    }
}
