//! API keys in memory: a copy of their table, so that they are verified without the database.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{ApiKey, ApiKeyId, Entry, Position, Revocation};
use crate::store::LogPage;

/// Number of changed keys above which all keys are read again.
const MAX_SINGLE_READS: usize = 256;

/// All API keys. The table of the database limits their number.
#[derive(Debug, Default)]
pub(super) struct ApiKeyTable(HashMap<ApiKeyId, Arc<ApiKey>>);

/// API keys that a page of the log may have changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Affected {
    /// All keys: the view has none yet, or the log has lost entries between the known ones and the page.
    All,
    /// These keys.
    Some(Vec<ApiKeyId>),
}

impl ApiKeyTable {
    pub(super) fn get(&self, id: ApiKeyId) -> Option<Arc<ApiKey>> {
        self.0.get(&id).map(Arc::clone)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Replaces all keys.
    pub(super) fn replace_all(&mut self, keys: Vec<ApiKey>) {
        self.0 = keys.into_iter().map(|key| (key.id, Arc::new(key))).collect();
    }

    /// Removes the keys with these ids, and adds `keys`: those of them that still exist.
    pub(super) fn replace(&mut self, ids: &[ApiKeyId], keys: Vec<ApiKey>) {
        for id in ids {
            self.0.remove(id);
        }
        self.0.extend(keys.into_iter().map(|key| (key.id, Arc::new(key))));
    }
}

impl Affected {
    /// Returns the keys that this page may have changed for a view at this position.
    pub(super) fn by_page(known: Option<Position>, page: &LogPage) -> Self {
        let Some(Position { log, last }) = known else { return Self::All };
        let new = match page.entries.split_first() {
            Some((first, new)) if first.logged == last => new,
            // Entries were pruned or lost, and may have been about API keys.
            _ => return Self::All,
        };
        if page.log != log || new.iter().any(|entry| entry.revocation == Revocation::Start) {
            return Self::All;
        }
        let mut ids: Vec<ApiKeyId> = new.iter().filter_map(api_key).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > MAX_SINGLE_READS { Self::All } else { Self::Some(ids) }
    }
}

fn api_key(entry: &Entry) -> Option<ApiKeyId> {
    if let Revocation::ApiKey(version) = entry.revocation { Some(version.id) } else { None }
}

#[cfg(test)]
mod tests {
    use testkit::start;

    use super::*;
    use crate::domain::{ApiKeyVersion, EntryFingerprint, Horizon, LogId, Logged, SessionId};

    const LOG: LogId = LogId([1; 16]);

    fn entry(revision: u8, revocation: Revocation) -> Entry {
        let fingerprint = EntryFingerprint([revision; 16]);
        Entry { logged: Logged { revision: revision.into(), fingerprint }, revocation, time: start() }
    }

    fn key(number: u128) -> Revocation {
        Revocation::ApiKey(ApiKeyVersion { id: ApiKeyId::from_u128(number), revision: 1 })
    }

    fn by_page(known: Option<u8>, entries: Vec<Entry>) -> Affected {
        let known = known.map(|revision| Position { log: LOG, last: entry(revision, Revocation::Start).logged });
        let horizon = Horizon::from(start());
        Affected::by_page(known, &LogPage { log: LOG, head: 9, horizon, entries, is_cut: false })
    }

    #[test]
    fn only_changed_keys_are_read_again() {
        let other = Revocation::Session(SessionId::from_u128(3));
        let page = vec![entry(1, key(9)), entry(2, key(2)), entry(3, other), entry(4, key(1)), entry(5, key(2))];
        let changed = [1, 2].map(ApiKeyId::from_u128).to_vec();
        assert_eq!(by_page(Some(1), page), Affected::Some(changed), "the first entry was known before");
        assert_eq!(by_page(Some(1), vec![entry(1, key(9))]), Affected::Some(Vec::new()));
        let many = (1..=255).chain(1..=255).zip(0..).map(|(revision, number)| entry(revision, key(number)));
        assert_eq!(by_page(Some(1), many.collect()), Affected::All);
    }

    #[test]
    fn all_keys_are_read_after_a_gap() {
        assert_eq!(by_page(None, vec![entry(1, key(1))]), Affected::All, "nothing is known");
        assert_eq!(by_page(Some(1), vec![entry(3, key(1))]), Affected::All, "entries were pruned");
        assert_eq!(by_page(Some(1), Vec::new()), Affected::All);
        let restarted = vec![entry(1, key(1)), entry(2, Revocation::Start)];
        assert_eq!(by_page(Some(1), restarted), Affected::All, "the log has started again");
        let mut other = entry(1, key(1));
        other.logged.fingerprint = EntryFingerprint([7; 16]);
        assert_eq!(by_page(Some(1), vec![other]), Affected::All, "another history");
    }
}
